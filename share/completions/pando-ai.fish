# Completion of pando-ai for fish. The words come from the program itself.

function __pando_ai_complete
	set -l words (commandline -opc) (commandline -ct)
	for line in (command pando-ai help --complete $words[2..-1] 2>/dev/null)
		switch $line
			case ':files'
				__fish_complete_path (commandline -ct)
			case ':folders'
				__fish_complete_directories (commandline -ct)
			case '*'
				echo $line
		end
	end
end

complete -c pando-ai -f -a '(__pando_ai_complete)'
