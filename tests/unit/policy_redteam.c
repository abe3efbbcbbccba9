/*
 * Spellings of one forbidden command, `git push`, against a deny rule of that prefix. Each
 * with the answer that is wanted (of all commands of the line, the strictest), and why. Those
 * that a plain bash can run are run, with a git that only notes what it was asked for: what
 * really pushes must never be CMD_NO.
 */

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "policy/command.h"
#include "tests/unit/test.h"

enum { BASH_SECONDS = 5, RANDOM_LINES = 400, FRAGMENTS_MAX = 4 };

enum how {
	RUNS,  /* bash runs it here: it must be seen to push */
	TRIED, /* run here too, but it does not push with this git or this bash */
	READ   /* only read: it needs a program, a file or a terminal */
};

struct spelling {
	const char *line;
	enum cmd_match want;
	enum how how;
	const char *why;
};

static const struct spelling spellings[] = {
	/* As it is, and among others. */
	{ "git push", CMD_YES, RUNS, "the command itself" },
	{ "git push origin main", CMD_YES, RUNS, "with arguments" },
	{ "  git\t push  ", CMD_YES, RUNS, "blanks are nothing" },
	{ "git push && true", CMD_YES, RUNS, "and-list" },
	{ "false || git push", CMD_YES, RUNS, "or-list" },
	{ "true; git push", CMD_YES, RUNS, "sequence" },
	{ "true\ngit push", CMD_YES, RUNS, "lines" },
	{ "true & git push & wait", CMD_YES, RUNS, "in the background" },
	{ "true | git push", CMD_YES, RUNS, "end of a pipe" },
	{ "git push |& cat", CMD_YES, RUNS, "start of a pipe" },
	{ "! git push", CMD_YES, RUNS, "negated" },
	{ "time -p git push", CMD_YES, RUNS, "a reserved word with an option" },
	{ "(git push)", CMD_YES, RUNS, "subshell" },
	{ "{ git push; }", CMD_YES, RUNS, "group" },
	{ "if git push; then :; fi", CMD_YES, RUNS, "condition" },
	{ "if false; then :; elif false; then :; else git push; fi", CMD_YES, RUNS,
		"else" },
	{ "while git push; do break; done", CMD_YES, RUNS, "loop's condition" },
	{ "until git push; do break; done", CMD_YES, RUNS, "loop's condition" },
	{ "for i in 1; do git push; done", CMD_YES, RUNS, "loop's body" },
	{ "for i in 1\n{ git push; }", CMD_YES, RUNS, "bash takes braces there" },
	{ "for ((i = 0; i < 1; i++)); do git push; done", CMD_YES, RUNS,
		"counting loop" },
	{ "case a in (b) :;; a) git push;; esac", CMD_YES, RUNS, "case" },
	{ "case a in a) ;& b) git push ;; esac", CMD_YES, RUNS, "falls through" },
	{ "f() { git push; }; f", CMD_UNSURE, RUNS, "function: its name could be git" },
	{ "function f { git push; }; f", CMD_UNSURE, RUNS, "function, as ksh has it" },
	{ "f() (git push) >/dev/null; f", CMD_UNSURE, RUNS, "function with a subshell" },
	{ "[[ -n x ]] && git push", CMD_YES, RUNS, "behind a condition" },
	{ "(( 1 )) && git push", CMD_YES, RUNS, "behind arithmetic" },
	/* Redirections. */
	{ ">/dev/null git push", CMD_YES, RUNS, "before the program" },
	{ "git >/dev/null push", CMD_YES, RUNS, "between the words" },
	{ "git 2>&1 push", CMD_YES, RUNS, "a descriptor is no argument" },
	{ "git {fd}>/dev/null push", CMD_YES, RUNS, "a named descriptor is no argument" },
	{ "git &>/dev/null push", CMD_YES, RUNS, "both outputs" },
	{ "git <<<x push", CMD_YES, RUNS, "a here-string between" },
	{ "git <<E push\nE\n", CMD_YES, RUNS, "a here-document between" },
	/* Quotes and escapes. */
	{ "'git' \"push\"", CMD_YES, RUNS, "quotes" },
	{ "g''it pu\"\"sh", CMD_YES, RUNS, "empty quotes" },
	{ "\\git p\\ush", CMD_YES, RUNS, "backslashes" },
	{ "gi\\\nt pu\\\nsh", CMD_YES, RUNS, "continued lines within words" },
	{ "git \\\n push", CMD_YES, RUNS, "continued line" },
	{ "$'\\x67it' $'\\160ush'", CMD_YES, RUNS, "escapes in $'...'" },
	{ "$'\\u0067it' $'pu\\U00000073h'", CMD_YES, RUNS, "Unicode escapes" },
	{ "$\"git\" push", CMD_YES, RUNS, "translated string" },
	{ "true & \\\n& git push", CMD_YES, TRIED,
		"an error in bash; listed all the same" },
	{ "true &\\\n& git push", CMD_YES, RUNS, "an operator across lines" },
	{ "true # '\ngit push # '", CMD_YES, RUNS, "a quote in a comment is none" },
	{ "echo a#'\ngit push #'\ngit push", CMD_YES, RUNS,
		"# within a word is no comment" },
	{ "true # \\\ngit push", CMD_YES, RUNS, "a comment does not go on" },
	/* Expansions. */
	{ "$(git push)", CMD_YES, RUNS, "substitution" },
	{ "echo \"$(git push)\"", CMD_YES, RUNS, "within quotes" },
	{ "echo \"a`git push`b\"", CMD_YES, RUNS, "backticks within quotes" },
	{ "`echo \\`git push\\``", CMD_YES, RUNS, "nested backticks" },
	{ "echo \"`git \\\"push\\\"`\"", CMD_YES, RUNS, "escaped quotes in backticks" },
	{ "echo ${x:-$(git push)}", CMD_YES, RUNS, "in a default" },
	{ "echo \"${x:-`git push`}\"", CMD_YES, RUNS, "in a quoted default" },
	{ "echo $(( $(git push >&2; echo 1) + 1 ))", CMD_YES, RUNS, "in arithmetic" },
	{ "x=$(git push)", CMD_YES, RUNS, "in an assignment" },
	{ "a=(1 $(git push))", CMD_YES, RUNS, "in an array" },
	{ "a[$(git push; echo 0)]=1", CMD_YES, RUNS, "in a subscript" },
	{ "cat <(git push)", CMD_YES, RUNS, "process substitution" },
	{ "echo x > >(git push)", CMD_UNSURE, READ,
		"the same as a target; bash does not wait" },
	{ "cat <<E\n$(git push)\nE\n", CMD_YES, RUNS, "in a here-document" },
	{ "cat <<-E\n\t`git push`\n\tE\n", CMD_YES, RUNS,
		"backticks in a here-document" },
	{ "cat <<< $(git push)", CMD_YES, RUNS, "in a here-string" },
	{ "cat <<E\nE\\\n\nE\ngit push", CMD_YES, RUNS, "a joined line is no delimiter" },
	{ "cat <<EOF\nEO\\\nF\ngit push\n", CMD_YES, RUNS,
		"a joined line is the delimiter" },
	{ "cat <<EOF\n$(echo '\nEOF\ngit push\n#')\nEOF\n", CMD_UNSURE, RUNS,
		"the body ends first" },
	{ "x=git; $x push", CMD_UNSURE, RUNS, "a variable as program" },
	{ "x=push; git $x", CMD_UNSURE, RUNS, "a variable as subcommand" },
	{ "x='git push'; $x", CMD_UNSURE, RUNS, "a variable of two words" },
	{ "a=(git push); \"${a[@]}\"", CMD_UNSURE, RUNS, "an array of words" },
	{ "set -- git push; \"$@\"", CMD_UNSURE, RUNS, "the arguments" },
	{ "x=pu; git ${x}sh", CMD_UNSURE, RUNS, "half of a word" },
	{ "{git,push}", CMD_UNSURE, RUNS, "braces make both words" },
	{ "git {push,}", CMD_UNSURE, RUNS, "braces" },
	{ "cd bin && ./gi? push", CMD_UNSURE, RUNS, "a pattern as program" },
	{ "git $'push\\0x'", CMD_UNSURE, TRIED,
		"bash ends the text at NUL; not understood" },
	{ "eval \"$(echo git push)\"", CMD_UNSURE, RUNS, "what another command prints" },
	{ "$(printf 'git push')", CMD_UNSURE, RUNS, "the same as a command" },
	{ "x='a[$(git push)]'; echo $((x))", CMD_UNSURE, RUNS,
		"arithmetic expands again" },
	{ "[[ 'a[$(git push)]' -eq 0 ]]", CMD_UNSURE, RUNS, "so does a condition" },
	{ "printf -v 'a[$(git push)0]' x", CMD_UNSURE, RUNS,
		"so do subscripts of builtins" },
	{ "[ -v 'a[$(git push)]' ]", CMD_UNSURE, RUNS, "and test" },
	{ "x='$(git push)'; echo \"${x@P}\"", CMD_UNSURE, RUNS, "expanded as a prompt" },
	{ "for x in 'a[$(git push)]'; do ((x)); done", CMD_UNSURE, RUNS,
		"a loop's words are values too" },
	{ "for x in 'a[$(git push)]'; do echo $((x)); done", CMD_UNSURE, RUNS,
		"the same" },
	{ "for x in 'a[$(git push)]'; do [[ x -eq 1 ]]; done", CMD_UNSURE, RUNS,
		"the same" },
	{ "for y in 'a[$(git push)]'; do x[y]=1; done", CMD_UNSURE, RUNS,
		"a subscript's name" },
	{ "for y in 'a[$(git push)]'; do : ${x[y]}; done", CMD_UNSURE, RUNS, "the same" },
	{ "for y in 'a[$(git push)]'; do x=1; : ${x:y}; done", CMD_UNSURE, RUNS,
		"the place in a text" },
	{ "for y in 'x[$(git push)]'; do : ${!y}; done", CMD_UNSURE, RUNS,
		"a name by its name" },
	{ "for y in 'x[$(git push)]'; do test -v \"$y\"; done", CMD_UNSURE, RUNS,
		"the same" },
	{ "for y in 'x[$(git push)]'; do printf -v \"$y\" 1; done", CMD_UNSURE, RUNS,
		"the same" },
	{ "for y in 'a[$(git push)]'; do read x[y] <<< 1; done", CMD_UNSURE, RUNS,
		"the same" },
	{ "for y in 'a[$(git push)]'; do declare -i z=y; done", CMD_UNSURE, RUNS,
		"a number" },
	{ "for y in 'a[$(git push)]'; do let y; done", CMD_UNSURE, RUNS, "let" },
	{ "a=('b[$(git push)]'); ((a))", CMD_UNSURE, RUNS, "so are an array's" },
	{ ": ${x:='a[$(git push)]'}; ((x))", CMD_UNSURE, RUNS, "and a default" },
	{ "echo 'a[$(git push)]' | { read x; ((x)); }", CMD_UNSURE, RUNS,
		"and what a pipe brings" },
	{ "while read x; do ((x)); done <<< 'a[$(git push)]'", CMD_UNSURE, RUNS,
		"or a loop's input" },
	{ "g=git p=push; a='b[$($g $p)]'; ((a))", CMD_UNSURE, RUNS,
		"words that are put together later" },
	{ "g=git p=push; x='$($g $p)'; : \"${x@P}\"", CMD_UNSURE, RUNS, "the same" },
	{ "echo() { (($1)); }; echo 'a[$(git push)]'", CMD_UNSURE, RUNS,
		"a function's argument" },
	{ "for PS4 in '$(git push)'; do set -x; :; done", CMD_UNSURE, RUNS,
		"a prompt that a loop sets" },
	{ "mapfile -t PS4 < <(echo '$(git push)'); set -x; :", CMD_UNSURE, RUNS,
		"or a builtin" },
	{ "g=git p=push; declare -n r=PS4; r='$($g $p)'; set -x; :", CMD_UNSURE, RUNS,
		"or another name" },
	{ "g=git p=push x=S4; declare \"P$x=\\$(\\$g \\$p)\"; set -x; :", CMD_UNSURE,
		RUNS, "or half a name" },
	/* Paths and options. */
	{ "/usr/bin/git push", CMD_YES, READ, "a path" },
	{ "bin/git push", CMD_UNSURE, RUNS, "another git: applies, but allows nothing" },
	{ "\"$PWD\"/bin/git push", CMD_UNSURE, RUNS, "a path in part" },
	{ "git -C . push", CMD_UNSURE, RUNS, "an option with a value" },
	{ "git -C \"$PWD\" push", CMD_UNSURE, RUNS, "and one that is not known" },
	{ "git -c a.b=c --no-pager push", CMD_UNSURE, RUNS, "options" },
	{ "git --git-dir=.git push", CMD_UNSURE, RUNS, "a long option" },
	{ "git -c alias.x=push x", CMD_UNSURE, RUNS, "an alias on the line" },
	{ "git -c alias.x='!git push' x", CMD_UNSURE, TRIED, "one that is a command" },
	{ "git config alias.x push; git x", CMD_UNSURE, TRIED, "one that is set first" },
	{ "git p", CMD_UNSURE, TRIED, "perhaps an alias of the person's" },
	{ "git-push", CMD_UNSURE, RUNS, "git's own program" },
	{ "/usr/lib/git-core/git-push origin", CMD_UNSURE, READ, "the same by its path" },
	{ "git submodule foreach git push", CMD_UNSURE, TRIED, "git runs it" },
	{ "git submodule foreach \"g''it push\"", CMD_YES, TRIED, "as a shell's text" },
	{ "git rebase -x 'git push' HEAD", CMD_YES, TRIED, "after each commit" },
	{ "git bisect run git push", CMD_UNSURE, TRIED, "for each step" },
	{ "GIT_SSH_COMMAND='git push' git fetch", CMD_UNSURE, TRIED, "by a variable" },
	{ "PAGER='git push' git log", CMD_UNSURE, TRIED, "by another" },
	{ "A=1 git push", CMD_UNSURE, RUNS, "a variable may change what git does" },
	{ "LC_ALL=C git push", CMD_YES, RUNS, "this one does not" },
	/* Programs that run their arguments. */
	{ "env git push", CMD_UNSURE, RUNS, "env" },
	{ "env -u X A=1 git push", CMD_UNSURE, RUNS, "env with all it takes" },
	{ "env -S 'git push'", CMD_UNSURE, RUNS, "env splits" },
	{ "env -S'git\\_push'", CMD_UNSURE, RUNS, "in its own way" },
	{ "sudo -u root git push", CMD_UNSURE, READ, "sudo" },
	{ "nice -n 5 git push", CMD_UNSURE, RUNS, "nice" },
	{ "nohup git push", CMD_UNSURE, RUNS, "nohup" },
	{ "timeout -k 5 9 git push", CMD_UNSURE, RUNS, "timeout and its operand" },
	{ "setsid -w git push", CMD_UNSURE, RUNS, "setsid" },
	{ "stdbuf -oL git push", CMD_UNSURE, RUNS, "stdbuf" },
	{ "nice nohup env timeout 9 git push", CMD_UNSURE, RUNS, "one behind another" },
	{ "command git push", CMD_UNSURE, RUNS, "builtins" },
	{ "exec -a x git push", CMD_UNSURE, RUNS, "exec" },
	{ "builtin eval git push", CMD_YES, RUNS, "a builtin by a builtin" },
	{ "jobs -x git push", CMD_UNSURE, RUNS, "jobs runs commands" },
	{ "echo push | xargs git", CMD_UNSURE, RUNS, "xargs puts words behind" },
	{ "echo push | xargs -I{} git {}", CMD_UNSURE, RUNS, "or in" },
	{ "echo git | xargs -IX X push", CMD_UNSURE, TRIED,
		"the program, in some xargs" },
	{ "echo push | xargs -n1 env git", CMD_UNSURE, RUNS, "through another" },
	{ "find . -maxdepth 0 -exec git push \\;", CMD_UNSURE, RUNS, "find" },
	{ "find . -maxdepth 0 -exec sh \\; <<< 'git push'", CMD_YES, RUNS,
		"the input of find is the shell's" },
	{ "e=exec; find . -maxdepth 0 \"-$e\" git push \\;", CMD_UNSURE, RUNS,
		"half of an option" },
	{ "setarch -R git push", CMD_UNSURE, READ, "an operand that may be absent" },
	{ "echo '$(git push)' | xargs -s 999 -I% sh -c 'echo %'", CMD_UNSURE, RUNS,
		"in a text, behind a value" },
	{ "echo '$(git push)' | xargs --max-procs 2 -I % sh -c 'echo %'", CMD_UNSURE,
		RUNS, "the same" },
	{ "echo 'git push' | xargs --repl=@ sh -c @", CMD_UNSURE, RUNS,
		"an option cut short" },
	{ "R=%; echo '$(git push)' | xargs -I\"$R\" sh -c 'echo %'", CMD_UNSURE, RUNS,
		"what is replaced is not known" },
	{ "printf pushI | xargs -dI -t git", CMD_UNSURE, RUNS,
		"a delimiter that looks like -I" },
	{ "printf push | xargs -EI -t git", CMD_UNSURE, RUNS,
		"an end that looks like -I" },
	{ "find . -maxdepth 0 -exec sh -c 'git push' \\;", CMD_YES, RUNS, "and a shell" },
	{ "cd bin; find . -name git -exec {} push \\;", CMD_UNSURE, RUNS,
		"a file that is found" },
	{ "flock /dev/null -c 'git push'", CMD_YES, RUNS, "flock" },
	{ "ssh host git push", CMD_YES, READ, "elsewhere is not allowed either" },
	{ "ssh -p 22 host \"g\\it push\"", CMD_YES, READ, "the shell there reads it" },
	{ "docker run --rm image git push", CMD_UNSURE, READ,
		"a program that is not known" },
	{ "unknown --opt 'git push'", CMD_UNSURE, TRIED, "a text for one" },
	{ "find . $(echo -maxdepth 0 -exec git push \\;)", CMD_UNSURE, RUNS,
		"find's words" },
	/* Shells. */
	{ "sh -c 'git push'", CMD_YES, RUNS, "a shell's text" },
	{ "bash -ec \"g''it push\"", CMD_YES, RUNS, "quoted once more" },
	{ "bash -euo pipefail -c 'git push'", CMD_YES, RUNS, "an option with a value" },
	{ "bash -c -- 'git push'", CMD_YES, RUNS, "end of options" },
	{ "sh -c \"sh -c 'git push'\"", CMD_YES, RUNS, "a shell in a shell" },
	{ "sh -c '\"$@\"' _ git push", CMD_UNSURE, RUNS, "with arguments" },
	{ "sh -c 'git $0' push", CMD_UNSURE, RUNS, "with arguments" },
	{ "env bash -c 'git push'", CMD_YES, RUNS, "behind a wrapper" },
	{ "sh <<< 'git push'", CMD_YES, RUNS, "its input" },
	{ "sh <<'E'\ngit push\nE\n", CMD_YES, RUNS, "a here-document" },
	{ "sh <<E\ngit \\\npush\nE\n", CMD_YES, RUNS, "one that is expanded" },
	{ "echo git push | sh", CMD_UNSURE, RUNS, "a pipe" },
	{ "sh -s < <(echo git push)", CMD_UNSURE, RUNS, "another pipe" },
	{ "{ sh; } <<< 'git push'", CMD_UNSURE, RUNS, "the group's input" },
	{ "sh /dev/stdin <<< 'git push'", CMD_YES, RUNS, "input by its name" },
	{ "bash <(echo git push)", CMD_UNSURE, RUNS, "a script from a pipe" },
	{ "source <(echo git push)", CMD_UNSURE, RUNS, "the same, sourced" },
	{ ". /dev/stdin <<< 'git push'", CMD_UNSURE, RUNS, "input, sourced" },
	{ "sh //dev/stdin <<< 'git push'", CMD_YES, RUNS,
		"another spelling of its path" },
	{ "sh /dev/../dev/stdin <<< 'git push'", CMD_YES, RUNS, "another" },
	{ "cd /dev; sh stdin <<< 'git push'", CMD_YES, RUNS, "another" },
	{ "a=/proc/self/fd; bash \"$a/0\" <<< 'git push'", CMD_UNSURE, RUNS,
		"half a path" },
	{ "a=/dev/fd; source \"$a/3\" 3<<< 'git push'", CMD_UNSURE, RUNS,
		"half a path, sourced" },
	{ "bash --rcfile /dev/fd/3 -ic : 3<<< 'git push'", CMD_UNSURE, RUNS,
		"a file that it reads first" },
	{ "bash --init-file /dev/stdin -ic : <<< 'git push'", CMD_UNSURE, RUNS,
		"the same" },
	{ "eval git push", CMD_YES, RUNS, "eval" },
	{ "eval 'git' 'pu''sh'", CMD_YES, RUNS, "eval of words" },
	{ "eval \"g\\\"\\\"it push\"", CMD_YES, RUNS, "eval unquotes once more" },
	{ "trap 'git push' EXIT", CMD_YES, RUNS, "at the end" },
	{ "BASH_ENV=<(echo git push) bash -c :", CMD_UNSURE, RUNS,
		"a file that bash reads" },
	{ "mapfile -c1 -C 'git push' <<< x", CMD_YES, RUNS, "a callback" },
	{ "p=push; compgen -C \"git $p\"", CMD_UNSURE, RUNS, "completion" },
	{ "compgen -W '$(git push)'", CMD_YES, RUNS, "words of a completion" },
	/* Names that mean other things. */
	{ "shopt -s expand_aliases\nalias x='git push'\nx", CMD_UNSURE, RUNS,
		"an alias" },
	{ "hash -p \"$PWD/bin/git\" ls; ls push", CMD_UNSURE, RUNS,
		"another path for ls" },
	{ "BASH_CMDS[ls]=$PWD/bin/git; ls push", CMD_UNSURE, RUNS, "the same" },
	{ "echo() { git \"$@\"; }; echo push", CMD_UNSURE, RUNS, "a function instead" },
	{ "command_not_found_handle() { git \"$@\"; }; push", CMD_UNSURE, RUNS,
		"in want of one" },
	{ "coproc echo { git push; }; wait", CMD_UNSURE, RUNS, "a named coprocess" },
	{ "PATH=.:$PATH ls push", CMD_UNSURE, TRIED, "another ls" },
	/* Other languages. */
	{ "python3 -c 'import os; os.system(\"git push\")'", CMD_UNSURE, RUNS, "Python" },
	{ "perl -e 'system(\"git\", \"push\")'", CMD_UNSURE, RUNS, "Perl" },
	{ "awk 'BEGIN { system(\"git push\") }'", CMD_UNSURE, RUNS, "awk" },
	{ "sed -n '1e git push' /etc/passwd", CMD_UNSURE, RUNS, "sed of GNU" },
	{ "awk -f /dev/stdin <<< 'BEGIN { system(\"git push\") }'", CMD_UNSURE, RUNS,
		"code from its input" },
	{ "echo 'BEGIN { system(\"git push\") }' | awk -f -", CMD_UNSURE, RUNS,
		"from a pipe" },
	{ "x=tem; awk \"BEGIN { sys$x(\\\"git push\\\") }\"", CMD_UNSURE, RUNS,
		"code known in part" },
	{ "p=push; awk \"BEGIN { system(\\\"git $p\\\") }\"", CMD_UNSURE, RUNS,
		"words known in part" },
	{ "p=push; python3 -c \"import os; os.system('git $p')\"", CMD_UNSURE, RUNS,
		"the same" },
	{ "p=push; perl -e \"system('git $p')\"", CMD_UNSURE, RUNS, "the same" },
	{ "p=push; tar cf x -I \"git $p\" /etc/hostname", CMD_UNSURE, RUNS,
		"the same, of a program not known" },
	{ "echo git push | awk '{ system($0) }'", CMD_UNSURE, RUNS, "what it reads" },
	{ "echo git push | sed 's/x*/&/e'", CMD_UNSURE, RUNS, "the same" },
	{ "echo git push | sed e", CMD_UNSURE, RUNS, "the same" },
	{ "echo '1e git push' | sed -f - /etc/passwd", CMD_UNSURE, RUNS,
		"a script from a pipe" },
	{ "sed -f<(echo '1e git push') /etc/passwd", CMD_UNSURE, RUNS, "the same" },
	{ "printf 'all:;git push' | make -f -", CMD_UNSURE, READ,
		"a makefile from a pipe" },
	{ "make -f <(echo 'all:;git push')", CMD_UNSURE, READ, "the same" },
	{ "echo git push | script -q /dev/null", CMD_UNSURE, READ,
		"a shell with a terminal" },
	{ "echo ':!git push' | vim -es", CMD_UNSURE, READ, "an editor" },
	{ "python3 - <<'E'\nimport os\nos.system('git push')\nE\n", CMD_UNSURE, RUNS,
		"its input" },
	{ "echo 'import os; os.system(\"git push\")' | python3", CMD_UNSURE, RUNS,
		"a pipe" },
	{ "make -f - CC='git push' <<< 'all:; $(CC)'", CMD_UNSURE, READ,
		"make's variable" },
	/* A shell that code in another language starts reads its text once more. */
	{ "perl -e 'system(q(git p\\ush))'", CMD_UNSURE, RUNS, "a backslash in code" },
	{ "perl -e 'system(q(g\"\"it pu\\\nsh))'", CMD_UNSURE, RUNS,
		"quotes and a joined line" },
	{ "e=; sed '1e git p${e}ush' /etc/passwd", CMD_UNSURE, RUNS,
		"an expansion of nothing" },
	{ "sed '1e git p$@ush' /etc/passwd", CMD_UNSURE, RUNS, "another" },
	{ "sed '1e g``it p$()ush' /etc/passwd", CMD_UNSURE, RUNS, "others" },
	{ "python3 - <<'E'\nimport os\nos.system(\"g''it push\")\nE\n", CMD_UNSURE, RUNS,
		"in its input" },
	{ "PAGER='git p\\ush' git log", CMD_UNSURE, TRIED, "in a variable" },
	{ "perl -e 'system @ARGV' git push", CMD_UNSURE, RUNS, "the arguments of code" },
	/* What a program reads and then runs. */
	{ "echo git push | perl -ne 'system $_'", CMD_UNSURE, RUNS,
		"a line that it reads" },
	{ "echo 'g\"\"it push' | perl -ne 'system $_'", CMD_UNSURE, RUNS,
		"one that is quoted" },
	{ "echo git push | cat | python3 -c 'import os, sys; os.system(sys.stdin.read())'",
		CMD_UNSURE, RUNS, "through another" },
	{ "perl -ne 'system $_' <<< 'git push'", CMD_UNSURE, RUNS, "a here-string" },
	{ "p=push; perl -ne 'system $_' <<E\ngit push $x\nE\n", CMD_UNSURE, RUNS,
		"a here-document known in part" },
	{ "{ perl -ne 'system $_'; } <<< 'git push'", CMD_UNSURE, RUNS,
		"the group's input" },
	{ "{ perl -ne 'system $_'; } <<E\ngit push\nE\n", CMD_UNSURE, RUNS, "the same" },
	{ "while read x; do perl -e 'system shift' \"$x\"; done <<< 'git push'",
		CMD_UNSURE, RUNS, "a loop's input" },
	{ "f() { perl -ne 'system $_'; }; echo git push | f", CMD_UNSURE, RUNS,
		"a function's" },
	{ "echo git push | sh -c \"perl -ne 'system \\$_'\"", CMD_UNSURE, RUNS,
		"that of a shell" },
	{ "exec < <(echo git push); perl -ne 'system $_'", CMD_UNSURE, RUNS,
		"that of all that follows" },
	{ "perl -ne 'system $_' /dev/fd/3 3<<< 'git push'", CMD_UNSURE, RUNS,
		"another descriptor" },
	{ "perl -ne 'system $_' < <(echo git push)", CMD_UNSURE, RUNS, "a substitution" },
	{ "echo git push | xargs -I{} perl -e 'system q({})'", CMD_UNSURE, RUNS,
		"in its code" },
	{ "echo git push | sed 's/x*/&/e;p'", CMD_UNSURE, RUNS,
		"sed, not at its script's end" },
	{ "echo git push | awk '{ $0 | getline x }'", CMD_UNSURE, TRIED, "awk" },
	{ "echo '.shell git push' | sqlite3", CMD_UNSURE, READ,
		"a program's own language" },
	{ "echo 'syscmd(git push)' | m4", CMD_UNSURE, READ, "the same" },
	{ "echo '!git push' | dc", CMD_UNSURE, READ, "the same" },
	{ "sqlite3 -init <(echo .shell git push)", CMD_UNSURE, READ,
		"by a substitution" },
	/* A shell, in want of a command. */
	{ "echo git push | sudo -s", CMD_UNSURE, READ, "sudo" },
	{ "echo git push | sudo -u bob -i", CMD_UNSURE, READ, "sudo" },
	{ "echo git push | sudo -ns", CMD_UNSURE, READ, "in a cluster" },
	{ "echo git push | su - bob", CMD_UNSURE, READ, "su" },
	{ "echo git push | setarch -R", CMD_UNSURE, TRIED, "setarch" },
	{ "echo git push | setarch x86_64", CMD_UNSURE, TRIED, "with its operand" },
	{ "echo git push | linux64", CMD_UNSURE, TRIED, "its names" },
	{ "echo git push | linux32 -R", CMD_UNSURE, TRIED, "its names" },
	{ "echo git push | i386", CMD_UNSURE, TRIED, "its names" },
	{ "echo git push | unshare -r", CMD_UNSURE, TRIED, "unshare" },
	{ "echo git push | unshare -w /", CMD_UNSURE, TRIED, "with a value" },
	{ "echo git push | nsenter -t 1 -m", CMD_UNSURE, READ, "nsenter" },
	{ "echo git push | chroot /", CMD_UNSURE, READ, "chroot" },
	{ "echo git push | chroot --userspec root /", CMD_UNSURE, READ, "with a value" },
	{ "echo git push | fakeroot", CMD_UNSURE, READ, "fakeroot" },
	{ "echo git push | newgrp", CMD_UNSURE, READ, "newgrp" },
	{ "unshare -U <<< 'git push'", CMD_UNSURE, TRIED, "a here-string" },
	{ "{ setarch -R; } <<< 'git push'", CMD_UNSURE, TRIED, "the group's input" },
	/* Scripts that are process substitutions. */
	{ "python3 <(echo 'import os; os.system(\"git push\")')", CMD_UNSURE, RUNS,
		"Python" },
	{ "p=push; python3 <(echo \"import os; os.system('git $p')\")", CMD_UNSURE, RUNS,
		"known in part" },
	{ "perl -w <(echo 'system \"git push\"')", CMD_UNSURE, RUNS, "behind an option" },
	{ "env bash <(echo git push) x", CMD_UNSURE, RUNS, "behind a wrapper" },
	/* Keys of git. */
	{ "g=git; git -c core.pager=\"$g push\" -p log", CMD_UNSURE, TRIED,
		"a value known in part" },
	{ "g=git; git -c core.sshCommand=$g\" push\" fetch", CMD_UNSURE, TRIED,
		"the same" },
	{ "g=git; git config core.fsmonitor \"$g push\"; git status", CMD_UNSURE, TRIED,
		"one that is set" },
	{ "git --config-env=core.pager=X -p log", CMD_UNSURE, TRIED,
		"one of a variable" },
	{ "git --config-env core.pager=X -p log", CMD_UNSURE, TRIED, "the same" },
	{ "git -c core.pager='git p\\ush' -p log", CMD_UNSURE, TRIED,
		"a shell reads it" },
	/* fd and parallel. */
	{ "fd -Hx git push", CMD_UNSURE, READ, "fd: a cluster" },
	{ "fd . -HX git push", CMD_UNSURE, READ, "another" },
	{ "fd -xgit push", CMD_UNSURE, READ, "the program within the word" },
	{ "fd --exec=git push", CMD_UNSURE, READ, "the same" },
	{ "fd --exec-batch=git push", CMD_UNSURE, READ, "the same" },
	{ "parallel -I,, git ,, ::: push", CMD_UNSURE, READ, "what is replaced" },
	{ "parallel --rpl ', s/x/y/' git , ::: push", CMD_UNSURE, READ, "another way" },
	{ "parallel -I ,, -a list git ,,", CMD_UNSURE, READ, "from a file" },
	/* For zsh. */
	{ "=git push", CMD_UNSURE, TRIED, "zsh: the path of git" },
	{ "{git push}", CMD_UNSURE, TRIED, "zsh: a group" },
	{ "noglob git push", CMD_UNSURE, TRIED, "zsh: a modifier" },
	/* Not understood. */
	{ "git push '", CMD_UNSURE, TRIED, "a quote without its end" },
	{ "if true; then git push", CMD_UNSURE, TRIED, "not complete" },
	{ "((git push); true)", CMD_UNSURE, RUNS, "arithmetic or subshells" },
	{ "echo $[$(git push)]", CMD_UNSURE, RUNS, "old arithmetic" },
	/*
	 * Beyond the text: the answer is NO, and a rule on `git push` does not hold. What must
	 * hold has to be taken from the sandbox: no network, no keys.
	 */
	{ "ln -s \"$PWD/bin/git\" x; ./x push", CMD_NO, READ,
		"another name of the program" },
	{ "echo 'git push' > s.sh; sh s.sh", CMD_NO, READ,
		"a file that is written, then run" },
	{ "python3 -c 'import os; os.system(\"gi\" + \"t pu\" + \"sh\")'", CMD_NO, READ,
		"code that puts the words together" },
	{ "make push", CMD_NO, READ, "what a makefile does" },
	{ "git send-pack origin main", CMD_NO, READ,
		"another command with the same effect" },
};

static char dir[] = "/tmp/pando-redteam-XXXXXX";
static struct sh_line line;
static struct cmd_prefix push;

static void
write_file(const char *name, const char *text)
{
	CLEANUP(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	ok(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, 0700) == 0,
		path);
}

static void
make_place(void)
{
	CLEANUP(mem_freep) char *bin = NULL, *git = NULL, *dashed = NULL;

	ok(mkdtemp(dir) != NULL, "a temporary directory");
	bin = mem_printf("%s/bin", dir);
	ok(mkdir(bin, 0700) == 0, "a directory for programs");
	git = mem_printf(
		"#!/bin/sh\n"
		"while :; do\n"
		"case $1 in -c) a=$2; shift 2;; -C) shift 2;; -*) shift;; *) break;; esac\n"
		"done\n"
		"case $1:$a in push:*|x:alias.x=push) echo y >%s/seen;; esac\n"
		"exit 0\n",
		dir);
	dashed = mem_printf("#!/bin/sh\necho y >%s/seen\n", dir);
	write_file("bin/git", git);
	write_file("bin/git-push", dashed);
}

static void
remove_place(void)
{
	CLEANUP(mem_freep) char *command = mem_printf("rm -rf '%s'", dir);

	ok(system(command) == 0, "the temporary directory is removed");
}

static _Noreturn void
become_bash(const char *text)
{
	CLEANUP(mem_freep) char *path = mem_printf("PATH=%s/bin:/usr/bin:/bin", dir);
	CLEANUP(mem_freep) char *home = mem_printf("HOME=%s", dir);
	const char *const argv[] = { "bash", "-c", text, NULL };
	char *const env[] = { path, home, NULL };

	if (setsid() < 0 || chdir(dir) < 0 || freopen("/dev/null", "r", stdin) == NULL ||
		freopen("/dev/null", "w", stdout) == NULL ||
		freopen("/dev/null", "w", stderr) == NULL)
		_exit(1);
	(void)alarm(BASH_SECONDS); /* outlives the exec */
	execve("/bin/bash", (char *const *)(uintptr_t)argv, env);
	_exit(1);
}

/* Did the line push, when bash ran it? */
static bool
pushes(const char *text)
{
	CLEANUP(mem_freep) char *seen = mem_printf("%s/seen", dir);
	pid_t pid;

	(void)unlink(seen);   /* of the line before */
	(void)fflush(stdout); /* or the child prints it again */
	pid = fork();
	if (pid == 0)
		become_bash(text);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return false;
	(void)kill(-pid, SIGKILL); /* whatever it left behind */
	return access(seen, F_OK) == 0;
}

static enum cmd_match
strictest(const char *text)
{
	enum cmd_match best = CMD_NO;
	uint64_t bits;

	sh_split(&line, str_of(text));
	bits = cmd_bits(&line);
	for (size_t i = 0; i < line.ncommands; i++) {
		const enum cmd_match m = cmd_match(&line, i, &push);

		best = m > best ? m : best;
	}
	ok(best == CMD_NO || (push.need & ~bits) == 0, text);
	return best;
}

static void
each_spelling_has_its_answer(void)
{
	for (size_t i = 0; i < LEN(spellings); i++)
		ok_int(strictest(spellings[i].line), spellings[i].want,
			spellings[i].line);
}

static void
what_really_pushes_is_never_no(bool bash)
{
	for (size_t i = 0; i < LEN(spellings); i++) {
		const struct spelling *s = &spellings[i];

		if (s->how == READ)
			continue;
		if (!bash)
			test_skip(s->line, "no bash");
		else if (s->how == RUNS)
			ok(pushes(s->line), s->line);
		else
			ok(!pushes(s->line) || s->want != CMD_NO, s->line);
	}
}

static unsigned
random_below(unsigned n)
{
	static uint32_t state = 20240607;

	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static const char *
pick(const char *const *list, size_t n)
{
	return list[random_below((unsigned)n)];
}

/* A word of the command in one of its spellings, right or nearly. */
static char *
make_command(void)
{
	static const char *const programs[] = { "git", "g''it", "\\git", "$g", "\"$g\"",
		"gi\\\nt", "$'git'", "${g}", "env git", "eval git", "command git",
		"xargs git", "echo git", "{git,}", "$(echo git)", "nice -n 1 git",
		"bin/git", "f git", "git>x", "'git'", "sh -c 'git \"$@\"' _", "\"git\"",
		"git -C .", "git -c a=b", "'git '", "echo;git", "`echo git`",
		"printf git|xargs -IX X", "exec git" };
	static const char *const words[] = { "push", "pu'sh'", "$p", "\"$p\"", "p\\ush",
		"log push", "$(echo push)", "`echo push`", "pus[h]", "2>x push",
		"$'\\x70ush'", "<<<x push", "push;true", "status", "stash push",
		"'push '", "$e push", "{push,x}", "${z:-push}", "#push", "\\\npush",
		"\"\" push", "$p$e", "log;push", "&push", "\npush" };

	return mem_printf(
		"%s %s", pick(programs, LEN(programs)), pick(words, LEN(words)));
}

static char *
wrap_command(const char *command)
{
	static const char *const shapes[] = { "%s", "true && %s", "(%s)", "{ %s\n}",
		"$(%s)", "echo \"$(%s)\"", "echo '%s'", "echo \"%s\"", "`%s`",
		"if %s\nthen :; fi", "cat <<E\n%s\nE\n", "cat <<E\n$(%s)\nE\n",
		"cat <<'E'\n%s\nE\n", "sh <<E\n%s\nE\n", "sh -c '%s'", "sh -c \"%s\"",
		"eval \"%s\"", "eval '%s'", "# %s", "x=\"%s\"; $x",
		"for i in 1; do %s\ndone", "case a in a) %s\n;; esac", "echo ${q:-%s}",
		"echo \"${q:-%s}\"", "f() { \"$@\"\n}; %s", "[[ -n x ]] && %s",
		"echo $((1)) ; %s", "echo %s", "echo %s | sh", "cat <(%s)", "a=(%s)",
		"trap '%s' EXIT", "! %s", "echo a# '%s'", "true\\\n; %s", "${q:+%s}",
		"%s <<E\nE\n", "echo \"`%s`\"", "while %s\ndo break; done", "[[ '%s' ]]",
		"g=$(%s)", "git() { %s\n}; unset -f git",
		"find . -maxdepth 0 -exec %s \\;", "env -u q %s", "echo $'%s'",
		"%s &\nwait" };
	const char *shape = pick(shapes, LEN(shapes));
	const char *at = strstr(shape, "%s");

	return mem_printf("%.*s%s%s", (int)(at - shape), shape, command, at + 2);
}

/* Lines from a grammar of fragments: whenever bash really pushes, the answer is not NO. */
static void
random_lines_agree_with_bash(bool bash)
{
	unsigned pushed = 0, quiet = 0;

	for (unsigned i = 0; i < RANDOM_LINES && bash; i++) {
		CLEANUP(mem_freep) char *inner = make_command();
		CLEANUP(mem_freep) char *all = NULL;

		for (unsigned k = random_below(FRAGMENTS_MAX); k > 0; k--) {
			char *outer = wrap_command(inner);

			free(inner);
			inner = outer;
		}
		all = mem_printf("g=git p=push e=\n%s", inner);
		if (pushes(all)) {
			pushed++;
			ok(strictest(all) != CMD_NO, all);
		} else {
			quiet += strictest(all) == CMD_NO;
		}
	}
	if (bash)
		ok(pushed > RANDOM_LINES / 8 && quiet > 0,
			"both kinds of lines were made");
	else
		test_skip("random lines", "no bash");
}

int
main(void)
{
	static const char *const tokens[] = { "git", "push" };
	const bool bash = access("/bin/bash", X_OK) == 0;

	cmd_prefix_init(&push, tokens, LEN(tokens));
	make_place();
	each_spelling_has_its_answer();
	what_really_pushes_is_never_no(bash);
	random_lines_agree_with_bash(bash);
	remove_place();
	cmd_prefix_fini(&push);
	return test_done();
}
