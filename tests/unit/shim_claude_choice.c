/* What a person chose in a session holds until their own file says something else. */

#include "shim/claude_choice.h"

#include <stdlib.h>

#include "tests/unit/test.h"

static void
ok_json(json_t *have, const char *want, const char *what)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(4096);

	json_put(&b, have);
	ok_str(buf_text(&b), want, what);
	json_decref(have);
}

static void
only_harmless_settings_are_taken(void)
{
	static const char text[] =
		"{\"model\":\"m\",\"theme\":\"dark\",\"cleanupPeriodDays\":1,\"hooks\":{},"
		"\"env\":{\"A\":\"b\"},\"apiKeyHelper\":\"x\",\"language\":{\"a\":1},"
		"\"statusLine\":{\"command\":\"x\"},\"permissions\":{\"allow\":[]},"
		"\"modelSettings\":{\"a\":{\"effortLevel\":\"low\",\"env\":{}},\"b\":{\"x\":1},"
		"\"c\":2}}";

	ok_json(claude_settings_of(text),
		"{\"cleanupPeriodDays\":1,\"model\":\"m\",\"modelSettings\":{\"a\":"
		"{\"effortLevel\":\"low\"}},\"theme\":\"dark\"}",
		"the person's");
	ok_json(claude_settings_of_project(text), "{\"model\":\"m\"}", "the project's");
	ok_json(claude_settings_of(NULL), "{}", "none");
	ok_json(claude_settings_of("{\"model\":"), "{}", "broken");
	ok_json(claude_settings_of("[1]"), "{}", "no object");
}

static void
a_choice_holds_until_the_own_file_changes(void)
{
	static const struct {
		const char *own, *chosen, *want;
	} rows[] = {
		{ "{}", NULL, "{}" },
		{ "{}", "{\"model\":{\"now\":\"s\"}}", "{\"model\":\"s\"}" },
		{ "{\"model\":\"o\"}", "{\"model\":{\"now\":\"s\"}}",
			"{\"model\":\"o\"}" },
		{ "{\"model\":\"o\"}", "{\"model\":{\"own\":\"o\",\"now\":\"s\"}}",
			"{\"model\":\"s\"}" },
		{ "{\"model\":\"h\"}", "{\"model\":{\"own\":\"o\",\"now\":\"s\"}}",
			"{\"model\":\"h\"}" },
		{ "{\"verbose\":true}", "{\"verbose\":{\"own\":true}}", "{}" },
		{ "{}", "{\"modelSettings\":{\"now\":{\"a\":{\"effortLevel\":\"low\"}}}}",
			"{\"modelSettings\":{\"a\":{\"effortLevel\":\"low\"}}}" },
		/* nothing else can be said in that file */
		{ "{}", "{\"hooks\":{\"now\":{\"Stop\":[]}},\"env\":{\"now\":\"x\"}}",
			"{}" },
		{ "{\"model\":\"o\"}", "{\"model\":{\"own\":\"o\",\"now\":{\"a\":1}}}",
			"{\"model\":\"o\"}" },
		{ "{}", "{\"cleanupPeriodDays\":{\"now\":1},\"model\":\"s\"}", "{}" },
		{ "{}", "garbage", "{}" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		json_t *all = claude_settings_of(rows[i].own);

		claude_choice_apply(all, rows[i].chosen);
		ok_json(all, rows[i].want, rows[i].chosen == NULL ? "" : rows[i].chosen);
	}
}

static void
a_session_leaves_its_choices(void)
{
	static const char planned[] =
		"{\"own\":{\"model\":\"o\",\"verbose\":true},\"wrote\":"
		"{\"model\":\"p\",\"verbose\":true}}";
	static const struct {
		const char *chosen, *now, *want; /* want NULL: nothing */
	} rows[] = {
		{ NULL, "{\"model\":\"p\",\"verbose\":true}", NULL },
		{ NULL, "{\"model\":\"p\",\"verbose\":true,\"hooks\":{},\"env\":{}}",
			NULL },
		{ NULL, "{\"model\":\"s\",\"verbose\":true}",
			"{\"model\":{\"now\":\"s\",\"own\":\"o\"}}" },
		{ "{\"theme\":{\"now\":\"d\"}}", "{\"model\":\"p\"}",
			"{\"theme\":{\"now\":\"d\"},\"verbose\":{\"own\":true}}" },
		{ "{\"model\":{\"own\":\"o\",\"now\":\"p\"}}",
			"{\"model\":\"o\",\"verbose\":true}", "{}" },
		{ NULL,
			"{\"model\":\"p\",\"verbose\":true,\"modelSettings\":{\"a\":"
			"{\"effortLevel\":\"low\",\"x\":{}}}}",
			"{\"modelSettings\":{\"now\":{\"a\":{\"effortLevel\":\"low\"}}}}" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(mem_freep)
		char *have = claude_choice_merge(rows[i].chosen, planned, rows[i].now);

		if (have == NULL || rows[i].want == NULL) {
			ok_str(have, rows[i].want, rows[i].now);
			continue;
		}
		{
			struct err e = ERR_INIT;

			ok_json(json_parse(str_of(have), &e), rows[i].want, rows[i].now);
		}
	}
	ok_str(claude_choice_merge(NULL, NULL, "{\"model\":\"s\"}"), NULL,
		"not a run of ours");
}

int
main(void)
{
	only_harmless_settings_are_taken();
	a_choice_holds_until_the_own_file_changes();
	a_session_leaves_its_choices();
	return test_done();
}
