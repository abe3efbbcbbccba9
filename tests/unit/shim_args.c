#include "shim/args.h"

#include "base/buf.h"

#include "tests/unit/test.h"

enum { WORDS = 12 };

/* want: the flags, then " -- " and the operands; or what the refusal says. */
struct row {
	const char *argv[WORDS];
	const char *want;
	const char *refused;
};

static char *
joined(const struct args *a)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(65536);

	if (a->inert)
		buf_printf(&b, "inert %s", a->command == NULL ? "-" : a->command);
	for (size_t i = 0; !a->inert && i < a->flags.n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : " ", a->flags.v[i]);
	for (size_t i = 0; !a->inert && i < a->operands.n; i++)
		buf_printf(&b, "%s<%s>", i == 0 ? " -- " : "", a->operands.v[i]);
	return mem_strdup(buf_text(&b));
}

static int
sort_args(enum pol_agent agent, struct args *a, const struct policy *p,
	const struct row *r, struct err *e)
{
	CLEANUP(words_fini) struct words argv = WORDS_INIT;

	words_add(&argv, pol_agent_name(agent));
	for (size_t i = 0; r->argv[i] != NULL; i++)
		words_add(&argv, r->argv[i]);
	if ((agent == POL_CLAUDE ? args_of_claude(a, argv.v, e)
				 : args_of_codex(a, argv.v, e)) < 0)
		return -1;
	for (size_t i = 0; i < a->nwishes; i++)
		if (args_check_wish(&a->wish[i], p, agent, e) < 0)
			return -1;
	return 0;
}

static void
check_row(enum pol_agent agent, const struct policy *p, const struct row *r)
{
	CLEANUP(args_fini) struct args a = { .inert = false };
	CLEANUP(mem_freep) char *have = NULL;
	struct err e = ERR_INIT;
	const char *what = r->argv[0] == NULL ? "nothing" : r->argv[0];

	if (sort_args(agent, &a, p, r, &e) < 0) {
		ok_int(e.code, ERR_REFUSED, what);
		ok(r->refused != NULL && strstr(e.text, r->refused) != NULL, e.text);
		return;
	}
	ok(r->refused == NULL, what);
	have = joined(&a);
	ok_str(have, r->want == NULL ? "a refusal" : r->want, what);
}

static void
check_rows(enum pol_agent agent, const struct row *rows, size_t n)
{
	CLEANUP(pol_freep) struct policy *p = pol_default();

	for (size_t i = 0; i < n; i++)
		check_row(agent, p, &rows[i]);
}

static void
claude_arguments_come_out_in_one_spelling(void)
{
	static const struct row rows[] = {
		{ { NULL }, "", NULL },
		{ { "-p", "Do it." }, "--print -- <Do it.>", NULL },
		{ { "-pc", "hi there" }, "--print --continue -- <hi there>", NULL },
		{ { "hi there", "-p" }, "--print -- <hi there>", NULL },
		{ { "-pdx", "a b" }, "--print --debug=x -- <a b>", NULL },
		{ { "-d", "api", "-p" }, "--debug=api --print", NULL },
		{ { "--debug", "-p" }, "--debug --print", NULL },
		{ { "--model", "--print" }, "--model=--print", NULL },
		{ { "--model=opus", "-n", "x" }, "--model=opus --name=x", NULL },
		{ { "-r", "abc", "go on" }, "--resume=abc -- <go on>", NULL },
		{ { "--add-dir", "a", "b", "-p" }, "--add-dir=a --add-dir=b --print",
			NULL },
		{ { "-p", "--", "--settings" }, "--print -- <--settings>", NULL },
		{ { "-p", "-" }, "--print -- <->", NULL },
		{ { "-p", "" }, "--print -- <>", NULL },
		{ { "--permission-mode", "plan" }, "--permission-mode=plan", NULL },
		{ { "--strict-mcp-config", "--no-chrome" }, "", NULL },
		{ { "--input-format=text" }, "--input-format=text", NULL },
		/* a lone word could be a subcommand that only a newer claude has */
		{ { "swarm" }, " -- <swarm >", NULL },
	};

	check_rows(POL_CLAUDE, rows, LEN(rows));
}

static void
what_loosens_claude_is_refused_by_name(void)
{
	static const struct row rows[] = {
		{ { "-p", "hi", "--settings", "{}" }, NULL, "--settings is refused" },
		{ { "--settings={}" }, NULL, "--settings is refused" },
		{ { "--setting-sources=user" }, NULL, "--setting-sources" },
		{ { "--managed-settings", "{}" }, NULL, "--managed-settings" },
		{ { "--tools", "Bash" }, NULL, "--tools" },
		{ { "--brief" }, NULL, "--brief" },
		{ { "--mcp-config", "x" }, NULL, "--mcp-config" },
		{ { "--agents", "{}" }, NULL, "--agents" },
		{ { "--agent=x" }, NULL, "--agent" },
		{ { "--plugin-dir", "x" }, NULL, "--plugin-dir" },
		{ { "--plugin-dir-no-mcp", "x" }, NULL, "--plugin-dir-no-mcp" },
		{ { "--plugin-url=x" }, NULL, "--plugin-url" },
		{ { "--bare" }, NULL, "--bare" },
		{ { "--safe-mode" }, NULL, "--safe-mode" },
		{ { "--permission-prompt-tool=x" }, NULL, "--permission-prompt-tool" },
		{ { "--chrome" }, NULL, "--chrome" },
		{ { "--ide" }, NULL, "--ide" },
		{ { "--channels", "x" }, NULL, "--channels" },
		{ { "--dangerously-load-development-channels", "x" }, NULL,
			"--dangerously-load-development-channels" },
		{ { "--sdk-url=x" }, NULL, "--sdk-url" },
		{ { "--remote-control" }, NULL, "--remote-control" },
		{ { "--rc" }, NULL, "--rc" },
		{ { "--cloud" }, NULL, "--cloud" },
		{ { "--remote" }, NULL, "--remote" },
		{ { "--teleport" }, NULL, "--teleport" },
		{ { "--tmux" }, NULL, "--tmux" },
		{ { "--tmux=classic" }, NULL, "--tmux" },
		{ { "-w" }, NULL, "-w" },
		{ { "--worktree=x" }, NULL, "--worktree" },
		{ { "--bg" }, NULL, "--bg" },
		{ { "-p", "--", "--bg" }, NULL, "--bg" },
		{ { "--model", "--background" }, NULL, "--background" },
		{ { "--handle-uri", "x" }, NULL, "--handle-uri" },
		{ { "--input-format", "stream-json" }, NULL,
			"--input-format stream-json" },
		{ { "--permission-mode=bypassPermissions" }, NULL,
			"--permission-mode bypassPermissions" },
		{ { "--permission-mode", "acceptEdits" }, NULL, "acceptEdits" },
		{ { "--permission-mode", "auto" }, NULL, "--permission-mode auto" },
		{ { "--dangerously-skip-permissions" }, NULL,
			"--dangerously-skip-permissions" },
		{ { "--json-schema", "{}" }, NULL, "StructuredOutput" },
		{ { "--agent-id", "x" }, NULL, "--agent-id" },
		{ { "--rewind-files", "x" }, NULL, "--rewind-files" },
		{ { "--file", "x" }, NULL, "--file" },
		{ { "--not-yet-known" }, NULL, "--not-yet-known" },
		{ { "--Settings", "{}" }, NULL, "--Settings" },
		{ { "-px" }, NULL, "-px" },
		{ { "--model" }, NULL, "value is missing" },
		{ { "--add-dir", "-p" }, NULL, "value is missing" },
		{ { "--print=x" }, NULL, "takes no value" },
	};

	check_rows(POL_CLAUDE, rows, LEN(rows));
}

static void
only_inert_subcommands_of_claude_pass(void)
{
	static const struct row rows[] = {
		{ { "--version" }, "inert -", NULL },
		{ { "-h" }, "inert -", NULL },
		{ { "mcp", "list" }, "inert mcp", NULL },
		{ { "mcp", "add", "x", "--", "cmd" }, "inert mcp", NULL },
		{ { "auth", "login" }, "inert auth", NULL },
		{ { "update" }, "inert update", NULL },
		{ { "doctor" }, "inert doctor", NULL },
		{ { "plugin", "list" }, "inert plugin", NULL },
		{ { "--version", "-p" }, "--version --print", NULL },
		{ { "mcp", "serve" }, NULL, "mcp serve" },
		{ { "mcp", "--debug", "serve" }, NULL, "mcp --debug" },
		{ { "--debug", "--", "mcp", "serve" }, NULL, "mcp" },
		{ { "--model=x", "mcp", "serve" }, NULL, "mcp" },
		/* an option eats the word: then it is a prompt, and a supervised one */
		{ { "--debug", "mcp", "list it" }, "--debug=mcp -- <list it>", NULL },
		{ { "mcp", "add", "x", "--bg" }, NULL, "--bg" },
		{ { "agents" }, NULL, "agents" },
		{ { "-p", "hi there", "agents" }, NULL, "agents" },
		{ { "attach", "x" }, NULL, "attach" },
		{ { "respawn" }, NULL, "respawn" },
		{ { "daemon", "run" }, NULL, "daemon" },
		{ { "remote-control" }, NULL, "remote-control" },
		{ { "rc" }, NULL, "rc" },
		{ { "sync" }, NULL, "sync" },
		{ { "bridge" }, NULL, "bridge" },
		{ { "ultrareview" }, NULL, "ultrareview" },
		{ { "auto-mode", "critique" }, NULL, "auto-mode" },
		{ { "project", "purge" }, NULL, "project" },
		{ { "--daemon-worker" }, NULL, "--daemon-worker" },
		{ { "--preload", "x" }, NULL, "--preload" },
	};

	check_rows(POL_CLAUDE, rows, LEN(rows));
}

static void
codex_arguments_come_out_in_one_spelling(void)
{
	static const struct row rows[] = {
		{ { NULL }, "", NULL },
		{ { "fix it" }, " -- <fix it>", NULL },
		{ { "exec", "fix it" }, "exec -- <fix it>", NULL },
		{ { "e", "-" }, "e -- <->", NULL },
		{ { "-m", "x", "exec", "--json", "a b" },
			"--model=x exec --json -- <a b>", NULL },
		{ { "-mx" }, "--model=x", NULL },
		{ { "-m=x" }, "--model=x", NULL },
		{ { "-c", "model=x" }, "--config=model=x", NULL },
		{ { "-cmodel=x" }, "--config=model=x", NULL },
		{ { "-c=model=x" }, "--config=model=x", NULL },
		{ { "--config=model=x" }, "--config=model=x", NULL },
		{ { "-i", "a", "b", "-m", "x" }, "--image=a --image=b --model=x", NULL },
		{ { "exec", "resume", "--last", "go on" },
			"exec resume --last -- <go on>", NULL },
		{ { "resume", "some-id" }, "resume -- <some-id>", NULL },
		{ { "exec", "--", "resume" }, "exec -- <resume>", NULL },
		{ { "exec", "--", "--oss" }, "exec -- <--oss>", NULL },
		{ { "--no-daemon", "hi" }, " -- <hi>", NULL },
		{ { "review", "--uncommitted" }, "review --uncommitted", NULL },
		{ { "voice" }, " -- <voice>", NULL },
	};

	check_rows(POL_CODEX, rows, LEN(rows));
}

static void
what_loosens_codex_is_refused_by_name(void)
{
	static const struct row rows[] = {
		{ { "exec", "--oss", "x" }, NULL, "--oss" },
		{ { "--local-provider=ollama" }, NULL, "--local-provider" },
		{ { "--remote", "ws://x" }, NULL, "--remote" },
		{ { "resume", "--remote=ws://x" }, NULL, "--remote" },
		{ { "archive", "x", "--remote=ws://x" }, NULL, "--remote" },
		{ { "--search" }, NULL, "--search" },
		{ { "-s", "danger-full-access" }, NULL, "-s is refused" },
		{ { "-s=danger-full-access" }, NULL, "-s is refused" },
		{ { "-sdanger-full-access" }, NULL, "-s is refused" },
		{ { "--sandbox=danger-full-access" }, NULL, "--sandbox" },
		{ { "--yolo" }, NULL, "--yolo" },
		{ { "--dangerously-bypass-approvals-and-sandbox" }, NULL,
			"--dangerously-bypass-approvals-and-sandbox" },
		{ { "--dangerously-bypass-hook-trust" }, NULL,
			"--dangerously-bypass-hook-trust" },
		{ { "--approve-for-me" }, NULL, "--approve-for-me" },
		{ { "-a", "never" }, NULL, "-a is refused" },
		{ { "--enable", "shell_tool" }, NULL, "--enable" },
		{ { "--trust" }, NULL, "--trust" },
		{ { "-p", "x" }, NULL, "-p is refused" },
		{ { "--profile=x" }, NULL, "--profile" },
		{ { "--worktree" }, NULL, "--worktree" },
		{ { "-c", "model_provider=x" }, NULL, "-c model_provider" },
		{ { "-c", "model_providers.x={}" }, NULL, "-c model_providers.x" },
		{ { "exec", "-cmcp_servers.x={}" }, NULL, "-c mcp_servers.x" },
		{ { "exec", "resume", "-c=features.x=true" }, NULL, "-c features.x" },
		{ { "--config=openai_base_url=x" }, NULL, "-c openai_base_url" },
		{ { "-c", "model_catalog_json=x" }, NULL, "-c model_catalog_json" },
		{ { "-c", "hooks.PreToolUse=[]" }, NULL, "-c hooks.PreToolUse" },
		{ { "-c", "notify=[\"x\"]" }, NULL, "-c notify" },
		{ { "-c", "projects={}" }, NULL, "-c projects" },
		{ { "-c", "web_search=live" }, NULL, "-c web_search" },
		{ { "-c", " model_provider=x" }, NULL, "-c" },
		{ { "-c", "model" }, "--config=model", NULL },
		{ { "--not-yet-known" }, NULL, "--not-yet-known" },
		{ { "--conf", "model=x" }, NULL, "--conf" },
		{ { "-m", "-x" }, NULL, "value is missing" },
		{ { "cloud" }, NULL, "cloud" },
		{ { "apply" }, NULL, "apply" },
		{ { "a", "task" }, NULL, "a is refused" },
		{ { "app-server" }, NULL, "app-server" },
		{ { "app-server", "daemon" }, NULL, "app-server" },
		{ { "remote-control" }, NULL, "remote-control" },
		{ { "queue" }, NULL, "queue" },
		{ { "exec-server" }, NULL, "exec-server" },
		{ { "sandbox", "ls" }, NULL, "sandbox" },
		{ { "--codex-run-as-apply-patch", "x" }, NULL,
			"--codex-run-as-apply-patch" },
		{ { "mcp", "serve" }, NULL, "serve" },
	};

	check_rows(POL_CODEX, rows, LEN(rows));
}

static void
only_inert_subcommands_of_codex_pass(void)
{
	static const struct row rows[] = {
		{ { "--version" }, "inert -", NULL },
		{ { "exec", "--help" }, "inert -", NULL },
		{ { "exec", "help", "resume" }, "inert -", NULL },
		{ { "login", "status" }, "inert login", NULL },
		{ { "mcp", "list", "--json" }, "inert mcp", NULL },
		{ { "features", "list" }, "inert features", NULL },
		{ { "completion", "bash" }, "inert completion", NULL },
		{ { "-m", "x", "doctor" }, "inert doctor", NULL },
		{ { "delete", "x" }, "inert delete", NULL },
	};

	check_rows(POL_CODEX, rows, LEN(rows));
}

static void
the_policy_may_give_the_tools_that_options_need(void)
{
	CLEANUP(pol_freep)
	struct policy *p = pol_parse(
		STR("[native_tools]\nallow = [\"StructuredOutput\", \"web_search\"]\n"),
		"p", &(struct err){ 0 });
	static const struct row claude = { { "--json-schema", "{}" }, "--json-schema={}",
		NULL };
	static const struct row codex = { { "--search" }, "--search", NULL };

	check_row(POL_CLAUDE, p, &claude);
	check_row(POL_CODEX, p, &codex);
}

static void
what_policy_decides_is_left_to_the_launch(void)
{
	char *const argv[] = { (char[]){ "claude" }, (char[]){ "--tools" },
		(char[]){ "Bash" }, (char[]){ "--tools=Read" }, (char[]){ "--brief" },
		NULL };
	CLEANUP(args_fini) struct args a = { .inert = false };
	CLEANUP(mem_freep) char *have = NULL;
	struct err e = ERR_INIT;

	ok_int(args_of_claude(&a, argv, &e), 0, e.text);
	ok_int(a.nwishes, 2, "--tools and --brief, once each");
	have = joined(&a);
	ok_str(have, "--tools=Bash --tools=Read --brief", "they are flags");
	ok(a.has_tools, "the list is the person's");
}

/* A reason that says what to do is not followed by other advice. */
static void
only_the_tables_say_leave_it_out(void)
{
	static const struct {
		const char *argv[3];
		bool want;
	} rows[] = {
		{ { "--settings={}" }, true },
		{ { "--not-yet-known" }, true },
		{ { "--tools=Bash" }, true },
		{ { "--json-schema={}" }, false },
		{ { "--permission-mode=auto" }, false },
		{ { "--model" }, false },
		{ { "agents" }, false },
		{ { "mcp", "serve" }, false },
	};
	CLEANUP(pol_freep) struct policy *p = pol_default();

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(args_fini) struct args a = { .inert = false };
		struct row row = { .want = NULL };
		struct err e = ERR_INIT;

		memcpy(row.argv, rows[i].argv, sizeof rows[i].argv);
		ok_int(sort_args(POL_CLAUDE, &a, p, &row, &e), -1, row.argv[0]);
		ok_int(strstr(e.text, "; leave it out") != NULL, rows[i].want, e.text);
	}
}

static void
a_command_is_known_when_the_help_lists_it(void)
{
	static const char help[] =
		"Usage: x\n\n  not a command\n\nCommands:\n"
		"  agents [options]     Manage\n  plugin|plugins   Manage\n"
		"                   update this text\n  update|upgrade  Check\n";
	static const struct {
		const char *command;
		bool want;
	} rows[] = {
		{ "agents", true },
		{ "plugins", true },
		{ "upgrade", true },
		{ "update", true },
		{ "not", false },
		{ "up", false },
		{ "mcp", false },
		{ "plugin|plugins", false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(args_help_lists(STR(help), rows[i].command), rows[i].want,
			rows[i].command);
	for (size_t n = 0; n < sizeof help - 1; n++)
		ok(!args_help_lists((struct str){ help, n }, "mcp"), "a cut help");
}

int
main(void)
{
	claude_arguments_come_out_in_one_spelling();
	what_loosens_claude_is_refused_by_name();
	only_inert_subcommands_of_claude_pass();
	codex_arguments_come_out_in_one_spelling();
	what_loosens_codex_is_refused_by_name();
	only_inert_subcommands_of_codex_pass();
	the_policy_may_give_the_tools_that_options_need();
	what_policy_decides_is_left_to_the_launch();
	only_the_tables_say_leave_it_out();
	a_command_is_known_when_the_help_lists_it();
	return test_done();
}
