#include "policy/tested.h"

#include "tests/unit/test.h"

#include "base/buf.h"
#include "base/path.h"

enum { PAGE_MAX = 1 << 16 };

static void
a_version_is_placed_among_the_tested_ones(void)
{
	static const struct {
		enum pol_agent agent;
		const char *version;
		enum pol_tested want;
	} rows[] = {
		{ POL_CLAUDE, "2.1.329", POL_TESTED },
		{ POL_CLAUDE, "2.1.197", POL_TESTED },
		{ POL_CLAUDE, "2.1.196", POL_TESTED_OLDER },
		{ POL_CLAUDE, "1.9.999", POL_TESTED_OLDER },
		{ POL_CLAUDE, "2.1.200", POL_TESTED_AMONG },
		{ POL_CLAUDE, "2.1.1000", POL_TESTED_NEWER },
		{ POL_CLAUDE, "2.2.0", POL_TESTED_NEWER },
		{ POL_CLAUDE, "10.0.0-beta.1", POL_TESTED_NEWER },
		{ POL_CODEX, "0.169.0-linux-x64", POL_TESTED },
		{ POL_CODEX, "0.168.9", POL_TESTED_OLDER },
		{ POL_CODEX, "0.169.1", POL_TESTED_NEWER },
		{ POL_CODEX, "0.169", POL_TESTED_UNKNOWN },
		{ POL_CODEX, "0.169.0x", POL_TESTED_UNKNOWN },
		{ POL_CODEX, "", POL_TESTED_UNKNOWN },
		{ POL_CODEX, "unknown", POL_TESTED_UNKNOWN },
		{ POL_CODEX, "0.99999999999999999999.0", POL_TESTED_UNKNOWN },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(pol_tested(rows[i].agent, rows[i].version), rows[i].want,
			rows[i].version);
}

static void
the_table_ascends(void)
{
	for (int a = 0; a < POL_AGENTS; a++) {
		size_t n;
		const char *const *v = pol_tested_versions((enum pol_agent)a, &n);

		ok(n > 0, pol_agent_name((enum pol_agent)a));
		for (size_t i = 1; i < n; i++)
			ok(strverscmp(v[i - 1], v[i]) < 0, v[i]);
	}
}

static void
check_pin(const struct buf *text, enum pol_agent a, const char *package)
{
	const char *at = strstr(text->p, package);
	const char *v = at == NULL ? NULL : strstr(at, ": \"");
	CLEANUP(mem_freep)
	char *version = v == NULL ? mem_strdup("")
				  : mem_strdup_str(
					    (struct str){ v + 3, strcspn(v + 3, "\"") });

	ok_int(pol_tested(a, version), POL_TESTED, package);
}

/* What the suites run with is in the table. */
static void
the_pinned_versions_are_tested(void)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(PAGE_MAX);
	struct err e = ERR_INIT;

	ok_int(path_read("tests/agents/package.json", &text, &e), 0, "package.json");
	(void)buf_text(&text);
	check_pin(&text, POL_CLAUDE, "\"@anthropic-ai/claude-code\"");
	check_pin(&text, POL_CODEX, "\"@openai/codex\"");
}

int
main(void)
{
	a_version_is_placed_among_the_tested_ones();
	the_table_ascends();
	the_pinned_versions_are_tested();
	return test_done();
}
