# Completion of pando-ai for bash. The words come from the program itself.

_pando_ai() {
	local current=${COMP_WORDS[COMP_CWORD]} word
	local words=("${COMP_WORDS[@]:1:COMP_CWORD}")

	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		case $word in
		:files)
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
			;;
		:folders)
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current")
			;;
		"$current"*)
			COMPREPLY+=("$word")
			;;
		esac
	done < <(command pando-ai help --complete "${words[@]}" 2>/dev/null)
}

complete -F _pando_ai pando-ai
