/*
 * What a prefix says of a line: the strictest answer of its commands. Then: what cmd_bits()
 * rules out is always CMD_NO, over random lines and prefixes.
 */

#include <stdlib.h>

#include "base/buf.h"
#include "policy/command.h"
#include "tests/unit/test.h"

enum { TOKENS_MAX = 8, RANDOM_LINES = 20000, LINE_MAX_BYTES = 4096, LONG_WORDS = 900 };

static struct sh_line line;

static enum cmd_match
ask(const char *text, const struct cmd_prefix *p)
{
	enum cmd_match best = CMD_NO;
	uint64_t bits;

	sh_split(&line, str_of(text));
	bits = cmd_bits(&line);
	for (size_t i = 0; i < line.ncommands; i++) {
		const enum cmd_match m = cmd_match(&line, i, p);

		best = m > best ? m : best;
	}
	if ((p->need & ~bits) != 0)
		ok_int(best, CMD_NO, text);
	return best;
}

/* The prefix's tokens with blanks between them. */
static void
init_prefix(struct cmd_prefix *p, const char *tokens)
{
	CLEANUP(mem_freep) char *copy = mem_strdup(tokens);
	const char *token[TOKENS_MAX];
	size_t n = 0;
	char *state = NULL;

	for (char *t = strtok_r(copy, " ", &state); t != NULL && n < TOKENS_MAX;
		t = strtok_r(NULL, " ", &state))
		token[n++] = t;
	cmd_prefix_init(p, token, n);
}

struct row {
	const char *prefix, *text;
	enum cmd_match want;
};

/* What people and agents type all day, with a rule on `git push`. */
static const char *const harmless[] = {
	"export $(grep -v '^#' .env | xargs) && node app.js",
	"make -f build.mk -j4 all",
	"git log --format='%h %s' | sed -e 's/a/e/' -e 's/the/a/g'",
	"cat list | xargs -P4 -n1 python3 work.py",
	"cat x | awk -F'|' '{ print $2 }'",
	"mapfile -t files < <(git ls-files); echo ${#files[@]}",
	"arr=(a b c); for x in \"${arr[@]}\"; do echo \"$x\"; done",
	"i=0; while [ $i -lt 5 ]; do i=$((i+1)); echo $i; done",
	"strace -f -e trace=open ls",
	"eslint . --ext .ts --fix",
	"ssh host 'cd /srv/app && git pull && systemctl restart app'",
	"git commit -m \"push it\"",
	"git commit -m \"Explain why git push is refused\" -m 'git push'",
	"git commit -m \"$(cat <<'EOF'\nDo not git push\n\ngit push is for people.\nEOF\n)\"",
	"git commit -F - <<EOF\ngit push\nEOF",
	"echo git push",
	"echo \"then run: git push\" >> notes.txt",
	"grep -rn \"git push\" .",
	"grep -rn 'git push' --include='*.sh' . | head -20",
	"rg 'git push'",
	"rg --pretty 'git push' src",
	"git grep -n 'git push'",
	"git log --grep push",
	"git log --oneline origin/main..HEAD | cat",
	"git stash push",
	"git stash push -m 'git push'",
	"git status $x",
	"git -C \"$dir\" status",
	"git --no-pager diff HEAD~1 -- \"$f\"",
	"git -c core.pager=cat log",
	"git -c user.name='A B' commit -m push",
	"git config user.name \"$NAME\"",
	"git add *.c && git commit -m push",
	"git remote show push",
	"git fetch origin push",
	"git pull --rebase",
	"git branch push",
	"echo $HOME",
	"ls \"$DIR\"/*.c",
	"for f in *.c; do cc -c \"$f\"; done",
	"cat <<'EOF' > notes.md\ngit push\nEOF",
	"make -j$(nproc)",
	"printf '%s\\n' \"git push\"",
	"cd \"$(git rev-parse --show-toplevel)\" && make test 2>&1 | tail -5",
	"while IFS= read -r line; do echo \"$line\"; done < list",
	"if [ -f push ]; then rm push; fi",
	"if [[ $x == git && -n $push ]]; then echo push; fi",
	"(( i++ )); (( n > 3 )) && echo many",
	"find . -name push -o -name git",
	"find . -name '*.c' | xargs grep -l push",
	"find . -type f -exec grep -n 'git push' {} +",
	"ls | xargs -I{} cp {} dst",
	"ls | xargs -n1 git add",
	"sed -n '1,20p' push.c",
	"sed -i \"s|a|$HOME/push|\" file",
	"awk '/git push/ { print $1 }' log",
	"export PATH=\"$HOME/.cargo/bin:$PATH\" && cargo build",
	"NODE_ENV=test npm test -- --watch=false",
	"npm run build && npm test",
	"python3 -c 'print(\"push\")'",
	"python3 manage.py push",
	"cat data.json | python3 -m json.tool",
	"python3 - <<'EOF'\nprint('push')\nEOF",
	"source venv/bin/activate && pip install -r requirements.txt",
	". \"$HOME/.cargo/env\"",
	"\"$HOME\"/bin/tool push",
	"sh ./build.sh push",
	"bash -lc 'cd src && ls -la'",
	"timeout 60 make push",
	"timeout \"$t\" make test",
	"sudo apt-get install git",
	"env | grep push",
	"docker ps && docker push image",
	"command -v git",
	"which git; type push",
	"test -d .git || git init",
	"x=$(git rev-parse HEAD); echo \"$x\"",
	"case $1 in push) echo git;; esac",
	"f() { echo \"$1\"; }; f push",
	"diff <(git show HEAD:push) push",
	"true > push 2>&1",
	"kill %1; wait",
	"curl -s https://example.org/push | jq '.git'",
	"tee push <<< git",
	"echo 127.0.0.1 | sudo tee -a /etc/hosts",
	"echo x | sudo -E tee push",
	"cat push | sudo -u git tee x",
	"cat x | chroot /srv cat",
	"cat x | unshare -r cat",
	"git log | python3 tools/summary.py push",
	"git log --oneline | perl -pe 's/push/pull/'",
	"echo 'git push' | sed 's/push/pull/;s/e/x/'",
	"echo 'git push' | awk '{ print $1 }'",
	"pytest 2>&1 | tail -5 && git commit -m \"$(cat <<'EOF'\nRefuse git push\nEOF\n)\" && python3 x.py",
	"cat > notes.md <<'EOF'\ngit push\nEOF\npython3 build.py",
	"sqlite3 app.db 'select * from push'",
	"echo 'select 1' | sqlite3 app.db",
	"while read -r f; do python3 work.py \"$f\"; done <<< \"$files\"",
	"diff <(python3 a.py) <(python3 b.py)",
	"git -c user.email=\"$MAIL\" -c color.ui=never log",
	"git -c http.extraHeader=\"Authorization: $T\" fetch",
	"git config --global init.defaultBranch \"$b\"",
	"git config --get remote.origin.url",
	"fd -e xml push",
	"fd -exml push",
	"fd -H -t f push",
	"fd -HI . src -x grep -n push",
	"git",
	"git --version",
	"push",
};

static const struct row rows[] = {
	/* Exactly this, for certain. */
	{ "make test", "make test", CMD_YES },
	{ "make test", "make test V=1 2>&1 > /dev/null", CMD_YES },
	{ "make test", "make test &> /dev/null", CMD_YES },
	{ "make test", "make test < in >&2", CMD_YES },
	/* writes a file, which the prefix says nothing of */
	{ "make test", "make test V=1 > log", CMD_UNSURE },
	{ "make test", "make test >> ~/.profile", CMD_UNSURE },
	{ "make test", "make test >| x", CMD_UNSURE },
	{ "make test", "make test &>> x", CMD_UNSURE },
	{ "make test", "make test >& x", CMD_UNSURE },
	{ "make test", "make test 2> x", CMD_UNSURE },
	{ "make test", "make test {fd}> x", CMD_UNSURE },
	{ "make test", "make test <> x", CMD_UNSURE },
	{ "make test", "make test > \"$x\"", CMD_UNSURE },
	{ "make test", "make test > /dev/null1", CMD_UNSURE },
	{ "make test", "{ make test; } > x", CMD_UNSURE },
	{ "make test", "echo x > y; make test", CMD_UNSURE },
	{ "make test", "make test > 2", CMD_UNSURE },
	{ "make test", "make test > -", CMD_UNSURE },
	{ "make test", "make test 2>&-", CMD_YES },
	/* opens a connection */
	{ "make test", "make test < /dev/tcp/host/80", CMD_UNSURE },
	{ "make test", "make test < \"$x\"", CMD_UNSURE },
	/* sets what programs see, without an assignment */
	{ "make test", "for HOME in x; do make test; done", CMD_UNSURE },
	{ "make test", "for PATH in x; do make test; done", CMD_UNSURE },
	{ "make test", "select HOME in x; do make test; done", CMD_UNSURE },
	{ "make test", "for d in x; do make test; done", CMD_YES },
	{ "make test", "make test {HOME}</dev/null; make test", CMD_UNSURE },
	{ "make test", "make test $((HOME = 5)); make test", CMD_UNSURE },
	{ "make test", "make test $((n + 1)); make test", CMD_YES },
	{ "make test", "((PATH = 5)); make test", CMD_UNSURE },
	{ "make test", "make test ${MAKEFLAGS:=x}; make test", CMD_UNSURE },
	/* makes the name mean something else */
	{ "make test", "make() { make test | make test; }; make test", CMD_UNSURE },
	{ "make test", "function make { make test; }", CMD_UNSURE },
	{ "make test", "/usr/bin/make test", CMD_YES },
	{ "make test", "./make test", CMD_UNSURE },
	{ "./make test", "./make test", CMD_YES },
	{ "/usr/bin/make", "make test", CMD_NO },
	{ "make test", "make -s test", CMD_UNSURE },
	{ "make test", "make tests", CMD_NO },
	{ "make test", "make 'test'", CMD_YES },
	{ "make test", "make \"$t\"", CMD_UNSURE },
	{ "make test", "make x\"$t\"", CMD_NO },
	{ "make test", "make te\"$t\"", CMD_UNSURE },
	{ "make test", "make $t", CMD_UNSURE },
	{ "make test", "make t*", CMD_UNSURE },
	{ "make test", "make *.c", CMD_NO },
	{ "make test", "make build test", CMD_NO },
	{ "make test", "LANG=C make test", CMD_YES },
	{ "make test", "CC=./evil make test", CMD_UNSURE },
	{ "make test", "PATH=/x:$PATH make test", CMD_UNSURE },
	{ "make test", "export PATH=/x:$PATH; make test", CMD_UNSURE },
	{ "make test", "sudo make test", CMD_UNSURE },
	{ "make test", "\"$D\"/make test", CMD_UNSURE },
	{ "make test", "$M test", CMD_UNSURE },
	{ "make test", "make test 'unclosed", CMD_UNSURE },
	{ "make", "make", CMD_YES },
	{ "make", "cmake", CMD_NO },
	{ "make", "echo make", CMD_NO },
	{ "make", "nohup make &", CMD_UNSURE },
	{ "make", "which make", CMD_NO },
	/* Patterns. */
	{ "npm *", "npm publish", CMD_YES },
	{ "npm *", "npm", CMD_NO },
	{ "npm pub*", "npm --tag x publish", CMD_UNSURE },
	{ "py* -c", "python3 -c x", CMD_YES },
	{ "* push", "hg push", CMD_YES },
	/* Options: wherever they stand, joined or spelt out. */
	{ "git push --force", "git push --force", CMD_YES },
	{ "git push --force", "git push origin --force", CMD_UNSURE },
	{ "git push --force", "git push -f", CMD_UNSURE },
	{ "git push --force", "git push --forc", CMD_UNSURE },
	{ "git push --force", "git push \"$x\"", CMD_UNSURE },
	{ "git push --force", "git push origin main", CMD_NO },
	{ "git push --force", "git push -u origin main", CMD_NO },
	{ "git push --force", "git status --force", CMD_NO },
	{ "rm -r", "rm -rf x", CMD_UNSURE },
	{ "rm -rf", "rm -r -f x", CMD_UNSURE },
	{ "rm -rf", "rm x -fr", CMD_UNSURE },
	{ "rm -rf", "rm --recursive --force x", CMD_UNSURE },
	{ "rm -rf", "rm -f x", CMD_NO },
	{ "rm -rf", "rm -f build/*.o", CMD_NO },
	{ "rm -rf", "rm \"$x\"", CMD_UNSURE },
	{ "rm -rf /", "rm -rf /", CMD_YES },
	{ "rm -rf", "find . -name x -exec rm -rf {} +", CMD_UNSURE },
	{ "rm", "git rm x", CMD_NO },
	{ "rm", "xargs rm < list", CMD_UNSURE },
	{ "rm", "python3 -c 'print(format(1))'", CMD_NO },
	/* Options whose value may be the next word. */
	{ "npm publish", "npm --prefix x publish", CMD_UNSURE },
	{ "npm publish", "npm --prefix=x publish", CMD_UNSURE },
	{ "npm publish", "npm run publish", CMD_NO },
	{ "docker run", "docker --context x run y", CMD_UNSURE },
	{ "git status", "git -C status log", CMD_NO },
	{ "git log", "git -C status log", CMD_UNSURE },
	/* A program that is known to run nothing else is itself still found. */
	{ "curl", "curl https://example.org", CMD_YES },
	{ "curl", "echo curl | cat", CMD_NO },
	{ "curl", "cat x | xargs curl", CMD_UNSURE },
	{ "curl", "rg --pre curl x", CMD_UNSURE },
	{ "cat /etc/shadow", "sudo cat /etc/shadow", CMD_UNSURE },
	{ "cat /etc/shadow", "cat x /etc/shadow", CMD_NO },
	/* Text for a program that may read it as a command. */
	{ "rm", "unknown 'rm -rf x'", CMD_UNSURE },
	{ "rm", "unknown farm", CMD_NO },
	{ "rm", "tar --to-command='rm x' -xf y", CMD_UNSURE },
	{ "rm", "GIT_PAGER='rm x' git log", CMD_UNSURE },
	{ "rm", "git -c core.pager='rm x' log", CMD_UNSURE },
	{ "rm", "git -c alias.x='!f' x", CMD_UNSURE },
	{ "rm", "git config alias.x y", CMD_UNSURE },
	{ "rm", "git submodule foreach 'rm x'", CMD_YES },
	{ "rm", "git diff --stat", CMD_NO },
	/* Harmless, but not told from what is not. */
	{ "git push", "sed -i 's/git push/git pull/' file", CMD_UNSURE },
	{ "git push", "gh pr create --body 'Then git push'", CMD_UNSURE },
	{ "git push", "M='Then git push'; echo \"$M\"", CMD_UNSURE },
	/* Nothing is known of what runs. */
	{ "rm", "curl x | sh", CMD_UNSURE },
	{ "rm", "bash", CMD_UNSURE },
	{ "rm", "eval \"$(x)\"", CMD_UNSURE },
	{ "rm", "sh -c \"$x\"", CMD_UNSURE },
	{ "rm", "ssh host \"cd $x && ls\"", CMD_UNSURE },
	{ "rm", "$EDITOR x", CMD_UNSURE },
	{ "rm", "source \"$x\"", CMD_UNSURE },
	{ "rm", "python3 -c \"$x\"", CMD_UNSURE },
	{ "rm", "awk \"$x\"", CMD_UNSURE },
	{ "rm", "ls | xargs env", CMD_UNSURE },
	{ "rm", "find . $x", CMD_UNSURE },
};

static void
harmless_lines_are_left_alone(void)
{
	struct cmd_prefix p;

	init_prefix(&p, "git push");
	for (size_t i = 0; i < LEN(harmless); i++)
		ok_int(ask(harmless[i], &p), CMD_NO, harmless[i]);
	cmd_prefix_fini(&p);
}

static void
each_row_has_its_answer(void)
{
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *what = mem_printf("%s: %s", rows[i].prefix, rows[i].text);
		struct cmd_prefix p;

		init_prefix(&p, rows[i].prefix);
		ok_int(ask(rows[i].text, &p), rows[i].want, what);
		cmd_prefix_fini(&p);
	}
}

/* Many places and many words: bounded, and then the stricter answer. */
static void
long_commands_are_bounded(void)
{
	static const char *const units[] = { "env ", "env -a git ", "x -a git ",
		"git -x ", "-exec git " };
	struct cmd_prefix p;

	init_prefix(&p, "git push");
	for (size_t i = 0; i < LEN(units); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(SH_TEXT_MAX);

		buf_puts(&text, "env ");
		for (size_t k = 0; k < LONG_WORDS / (i + 1); k++)
			buf_puts(&text, units[i]);
		buf_puts(&text, "git push");
		ok(ask(buf_text(&text), &p) != CMD_NO, units[i]);
	}
	cmd_prefix_fini(&p);
}

static unsigned
random_below(unsigned n)
{
	static uint32_t state = 7;

	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

static void
bits_rule_out_nothing_that_matches(void)
{
	static const char *const words[] = { "git", "push", "env", "x", "-c", "-C",
		"alias.a=push", "$x", "\"$x\"", "'git push'", ";", "|", "sh", "a*",
		"git-push", "--", "echo", "sudo", "ssh h", "timeout", "parallel", "-s",
		"flock", "perl", "<(echo git push)", "xargs", "find", "-exec", "{}",
		"/bin/git", "A=1", "PATH=/x", "commit", "-m", "python3", "eval", "rg",
		"--pre", "<<< push", "config", "make", "p'us'h", "-f", "--force" };
	static const char *const prefixes[] = { "git push", "git", "push",
		"git push --force", "x", "env git", "make a", "/bin/git push", "g* push",
		"git *", "git -c", "rg x" };
	struct cmd_prefix p[LEN(prefixes)];
	unsigned matched = 0;

	for (size_t i = 0; i < LEN(prefixes); i++)
		init_prefix(&p[i], prefixes[i]);
	for (unsigned i = 0; i < RANDOM_LINES; i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT(LINE_MAX_BYTES);

		for (unsigned k = 1 + random_below(6); k > 0; k--)
			buf_printf(&text, "%s ", words[random_below(LEN(words))]);
		for (size_t k = 0; k < LEN(p); k++)
			matched += ask(buf_text(&text), &p[k]) != CMD_NO;
	}
	ok(matched > RANDOM_LINES / 10, "enough of the lines matched");
	for (size_t i = 0; i < LEN(p); i++)
		cmd_prefix_fini(&p[i]);
}

int
main(void)
{
	harmless_lines_are_left_alone();
	each_row_has_its_answer();
	long_commands_are_bounded();
	bits_rule_out_nothing_that_matches();
	return test_done();
}
