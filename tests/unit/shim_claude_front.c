/* What of a frontmatter reaches the private folder, and that nothing else of it does. */

#include "shim/claude_front.h"

#include "tests/unit/test.h"

static const struct {
	enum front_kind kind;
	const char *from, *want; /* NULL: refused */
} keys[] = {
	{ FRONT_COMMAND, "Just text\n", "---\n---\n" },
	{ FRONT_COMMAND, "", "---\n---\n" },
	{ FRONT_COMMAND, "---\nno end\n", "---\n---\n" },
	{ FRONT_COMMAND, "---\ndescription: Say it\n---\nx",
		"---\ndescription: \"Say it\"\n---\n" },
	{ FRONT_COMMAND, "\xef\xbb\xbf---\r\ndescription: Say it \r\n---\r\nx",
		"---\ndescription: \"Say it\"\n---\n" },
	{ FRONT_COMMAND, "---\nmodel: 'it''s' # why\neffort: \"a\\\"b\\n\"\n---\n",
		"---\nmodel: \"it's\"\neffort: \"a\\\"b\\n\"\n---\n" },
	{ FRONT_COMMAND, "---\nargument-hint: [file] [n]\n---\n",
		"---\nargument-hint: \"[file] [n]\"\n---\n" },
	{ FRONT_COMMAND, "---\narguments: [a, 'b']\n---\n",
		"---\narguments: [\"a\",\"b\"]\n---\n" },
	{ FRONT_COMMAND, "---\narguments: [a,, \"\"]\n---\n",
		"---\narguments: [\"a\"]\n---\n" },
	{ FRONT_COMMAND, "---\narguments:\n  - a\n- b\n---\n",
		"---\narguments: [\"a\",\"b\"]\n---\n" },
	{ FRONT_SKILL, "---\ndescription: |\n  a\n  b\nname: x\n---\n",
		"---\nname: \"x\"\ndescription: \"a\\nb\"\n---\n" },
	{ FRONT_SKILL, "---\ndescription: >-\n  a\n\n  b\n---\n",
		"---\ndescription: \"a b\"\n---\n" },
	{ FRONT_SKILL, "---\ndescription: a\n  b: c\n---\n",
		"---\ndescription: \"a b: c\"\n---\n" },
	{ FRONT_SKILL, "---\ndescription: a --- hooks: {} ----\n---\n",
		"---\ndescription: \"a -\\u002d\\u002d hooks: {} "
		"-\\u002d\\u002d\\u002d\"\n---\n" },
	{ FRONT_SKILL,
		"---\ndisable-model-invocation: Yes\n"
		"user-invocable: FALSE\n---\n",
		"---\ndisable-model-invocation: true\nuser-invocable: false\n---\n" },
	{ FRONT_SKILL, "---\nuser-invocable: perhaps\n---\n", "---\n---\n" },
	/* what starts programs, grants or lifts */
	{ FRONT_SKILL,
		"---\nname: x\nhooks:\n  Stop:\n    - hooks:\n      - type: command\n"
		"        command: evil\nallowed-tools: Bash\ncontext: fork\nagent: a\n"
		"shell: powershell\npaths: '**'\nmcpServers: {a: {command: b}}\n---\n",
		"---\nname: \"x\"\n---\n" },
	{ FRONT_SKILL, "---\n\"hooks\": {}\n? hooks\n: {}\n<<: *a\nname: x\n---\n",
		"---\nname: \"x\"\n---\n" },
	{ FRONT_COMMAND, "---\nname: x\ntools: Bash\n---\n", "---\n---\n" },
	{ FRONT_STYLE, "---\nname: X\nkeep-coding-instructions: true\nhooks: a\n---\n",
		"---\nname: \"X\"\nkeep-coding-instructions: true\n---\n" },
	/* values that are not understood */
	{ FRONT_SKILL, "---\nname: *a\ndescription: !!t x\nmodel: {a: b}\n---\n",
		"---\n---\n" },
	{ FRONT_SKILL, "---\nname: \"a\\x41\"\ndescription: 'open\nmodel: \"a\" b\n---\n",
		"---\n---\n" },
	{ FRONT_SKILL, "---\nname: a\nname: b\n---\n", "---\nname: \"a\"\n---\n" },
	/* tools of an agent: ours take the places of claude's */
	{ FRONT_AGENT,
		"---\nname: x\ntools: Read, Bash(git log, a:*), Edit\n"
		"permissionMode: bypassPermissions\nmaxTurns: 5\n---\n",
		"---\nname: \"x\"\nmaxTurns: 5\ntools: [\"Read\",\"Bash(git log, a:*)\","
		"\"Edit\",\"mcp__pando_core__read-file\","
		"\"mcp__pando_workspace__replace\",\"mcp__pando_workspace__insert\"]\n"
		"---\n" },
	{ FRONT_AGENT, "---\nname: x\ndisallowedTools: [Bash]\n---\n",
		"---\nname: \"x\"\ndisallowedTools: [\"Bash\","
		"\"mcp__pando_workspace__shell-command\"]\n---\n" },
	{ FRONT_AGENT, "---\nname: x\ntools:\n---\n",
		"---\nname: \"x\"\ntools: []\n---\n" },
	{ FRONT_AGENT, "---\nname: x\n---\n", "---\nname: \"x\"\n---\n" },
	{ FRONT_AGENT, "---\nname: x\ntools: {a: b}\n---\n", NULL },
	{ FRONT_AGENT, "---\nname: x\n\"tools\": Read\n---\n", NULL },
	{ FRONT_AGENT, "---\nname: x\ntools : Read\n---\n", NULL },
	{ FRONT_AGENT, "---\n{name: x, tools: Read}\n---\n", NULL },
	{ FRONT_AGENT, "---\nname: x\ntools: Read\ntools: Bash\n---\n", NULL },
};

static void
only_known_keys_come_through(void)
{
	for (size_t i = 0; i < LEN(keys); i++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(4096);
		const bool got = claude_front_put(&b, keys[i].kind, str_of(keys[i].from));

		ok(got == (keys[i].want != NULL), keys[i].from);
		ok_str(buf_text(&b), got ? keys[i].want : "", keys[i].from);
	}
}

static void
the_body_is_what_follows(void)
{
	static const char *const rows[][2] = {
		{ "a\nb", "a\nb" },
		{ "---\nx: y\n---\nbody\n---\n", "body\n---\n" },
		{ "---\nx: y\n--- \nbody", "body" },
		{ "---\nx: y\nbody", "---\nx: y\nbody" },
		{ "\n---\nx: y\n---\n", "\n---\nx: y\n---\n" },
		{ "----\nx\n---\n", "----\nx\n---\n" },
		{ "", "" },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_bytes(claude_front_body(str_of(rows[i][0])), str_of(rows[i][1]),
			rows[i][0]);
}

static void
limits_leave_a_key_out(void)
{
	CLEANUP(buf_fini) struct buf in = BUF_INIT(1 << 20);
	CLEANUP(buf_fini) struct buf out = BUF_INIT(1 << 20);

	buf_puts(&in, "---\nname: ");
	for (int i = 0; i <= FRONT_VALUE_MAX; i++)
		buf_putc(&in, 'a');
	buf_puts(&in, "\nmodel: m\narguments:\n");
	for (int i = 0; i <= FRONT_ITEMS_MAX; i++)
		buf_puts(&in, "- a\n");
	buf_puts(&in, "---\n");
	ok(claude_front_put(&out, FRONT_SKILL, buf_str(&in)), "put");
	ok_str(buf_text(&out), "---\nmodel: \"m\"\n---\n", "too long, too many");
	buf_reset(&in);
	buf_reset(&out);
	buf_puts(&in, "---\nname: a\n");
	for (int i = 0; i < FRONT_LINES_MAX; i++)
		buf_puts(&in, "#\n");
	buf_puts(&in, "---\n");
	ok(claude_front_put(&out, FRONT_SKILL, buf_str(&in)), "put");
	ok_str(buf_text(&out), "---\n---\n", "too many lines");
}

int
main(void)
{
	only_known_keys_come_through();
	the_body_is_what_follows();
	limits_leave_a_key_out();
	return test_done();
}
