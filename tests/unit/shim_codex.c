/* What stays of the changes of codex's sessions. */

#include "shim/codex_kept.h"
#include "shim/codex_keys.h"
#include "tests/unit/test.h"

enum { TEXT_MAX = 1 << 16 };

static struct toml_node *
tree_of(const char *text)
{
	struct err e = ERR_INIT;
	struct toml_node *n = toml_parse(str_of(text), "t", &e);

	ok(n != NULL, e.text);
	return n;
}

struct row {
	const char *what;
	const char *kept, *config, *profile; /* before; profile NULL: none */
	const char *now;                     /* the session's profile after it */
	const char *key, *want;              /* of the next session; NULL: absent */
};

static const struct row rows[] = {
	{ "what the person has", "", "model = \"a\"", NULL, "model = \"a\"", "model",
		"\"a\"" },
	{ "a chosen model", "", "model = \"a\"", NULL, "model = \"b\"", "model",
		"\"b\"" },
	{ "a new key", "", "", NULL, "tui.theme = \"x\"", "tui.theme", "\"x\"" },
	{ "a removed key", "", "model = \"a\"", NULL, "", "model", NULL },
	{ "a table", "", "", NULL, "[notice]\nhide = true", "notice", "{\"hide\"=true}" },
	{ "a key that is not for us", "", "", NULL, "notify = [\"x\"]", "notify", NULL },
	{ "a trusted folder", "", "", NULL,
		"[projects.\"/x\"]\ntrust_level = \"trusted\"", "projects", NULL },
	{ "a file is not written anew", "", "model_instructions_file = \"a\"", NULL,
		"model_instructions_file = \"/b\"", "model_instructions_file", "\"a\"" },
	{ "instructions are not kept", "", "", NULL, "developer_instructions = \"x\"",
		"developer_instructions", NULL },
	{ "a later edit of the person's wins",
		"[[set]]\nprofile = \"\"\nkey = \"model\"\nvalue = \"b\"\nbase = \"a\"\n",
		"model = \"c\"", NULL, "model = \"c\"", "model", "\"c\"" },
	{ "an earlier change stays",
		"[[set]]\nprofile = \"\"\nkey = \"model\"\nvalue = \"b\"\nbase = \"a\"\n",
		"model = \"a\"", NULL, "model = \"b\"", "model", "\"b\"" },
	{ "the last change wins",
		"[[set]]\nprofile = \"\"\nkey = \"model\"\nvalue = \"b\"\nbase = \"a\"\n",
		"model = \"a\"", NULL, "model = \"d\"", "model", "\"d\"" },
	{ "a profile over the file", "", "model = \"a\"", "model = \"p\"",
		"model = \"p\"", "model", "\"p\"" },
	{ "a change under a profile", "", "model = \"a\"", "model = \"p\"",
		"model = \"q\"", "model", "\"q\"" },
	{ "a change without the profile is under it, too",
		"[[set]]\nprofile = \"\"\nkey = \"model\"\nvalue = \"b\"\nbase = \"a\"\n",
		"model = \"a\"", "x = 1", "model = \"b\"", "model", "\"b\"" },
	{ "one of another profile is not",
		"[[set]]\nprofile = \"other\"\nkey = \"model\"\nvalue = \"b\"\n",
		"model = \"a\"", "x = 1", "model = \"a\"", "model", "\"a\"" },
	{ "what is no list of ours", "set = [1, {}, {profile = \"\"}]", "model = \"a\"",
		NULL, "model = \"a\"", "model", "\"a\"" },
};

static void
check(const struct row *r)
{
	CLEANUP(buf_fini) struct buf was = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_fini) struct buf have = BUF_INIT(TEXT_MAX);
	struct toml_node *kept = tree_of(r->kept);
	struct toml_node *config = tree_of(r->config);
	struct toml_node *profile = r->profile == NULL ? NULL : tree_of(r->profile);
	struct toml_node *now = tree_of(r->now);
	struct plan_facts f = { .config = config,
		.profile = profile,
		.profile_name = profile == NULL ? NULL : "p",
		.kept = kept };
	const struct toml_node *value;
	struct codex_left left = { .now = now };
	struct toml_node *began;
	struct toml_node *after;

	codex_put_was(&was, &f);
	began = tree_of(buf_text(&was));
	left.was = began;
	codex_kept_after(&text, kept, config, &left, 1);
	after = tree_of(buf_text(&text));
	f.kept = after;
	value = codex_value(&f, r->key);
	if (value != NULL)
		codex_put_value(&have, value);
	/* a key that is not for us is in no list, wherever it may be looked for */
	ok_str(value == NULL ? "nothing" : buf_text(&have),
		r->want == NULL ? "nothing" : r->want, r->what);
	toml_free(after);
	toml_free(began);
	toml_free(now);
	toml_free(profile);
	toml_free(config);
	toml_free(kept);
}

int
main(void)
{
	for (size_t i = 0; i < LEN(rows); i++)
		check(&rows[i]);
	return test_done();
}
