#include "gateway/record.h"

#include <stdlib.h>

#include "tests/unit/test.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good[] = "https_proxy http://127.0.0.1:3128\n"
			   "NO_PROXY localhost, 127.0.0.1\n"
			   "port 40123\n"
			   "token " TOKEN "\n"
			   "agent claude\n"
			   "agent_version 2.1.329 (Claude Code)\n"
			   "root /home/a person/proj\xc3\xa9t\n"
			   "policy /home/a person/.pando/policy.toml\n"
			   "policy_sha256 " TOKEN "\n"
			   "log /var/log/decisions.jsonl\n"
			   "pid 4711\n"
			   "start 18446744073709551615\n";

static int
parse(struct str text, char *why)
{
	CLEANUP(gw_record_fini) struct gw_record r = { .port = 0 };
	struct err e = ERR_INIT;
	const int got = gw_record_parse(text, &r, &e);

	(void)snprintf(why, ERR_TEXT_MAX, "%s", e.text);
	return got;
}

/* The good text with one part replaced. */
static int
parse_with(const char *old, const char *new, char *why)
{
	const char *at = strstr(good, old);
	CLEANUP(mem_freep) char *text = NULL;

	if (at == NULL)
		abort(); /* the row is wrong */
	text = mem_printf("%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
	return parse(str_of(text), why);
}

static void
what_is_written_is_read(void)
{
	CLEANUP(gw_record_fini) struct gw_record r = { .port = 0 };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_RECORD_MAX);
	struct err e = ERR_INIT;

	ok_int(gw_record_parse(str_of(good), &r, &e), 0, e.text);
	ok_int(r.port, 40123, "port");
	ok_str(r.token.hex, TOKEN, "token");
	ok_str(r.agent, "claude", "agent");
	ok_str(r.agent_version, "2.1.329 (Claude Code)", "version");
	ok_str(r.root, "/home/a person/proj\xc3\xa9t", "root");
	ok_str(r.policy, "/home/a person/.pando/policy.toml", "policy");
	ok_str(r.log, "/var/log/decisions.jsonl", "log");
	ok_int(r.pid, 4711, "pid");
	ok(r.start == UINT64_MAX, "start");
	ok_str(r.network[1], "http://127.0.0.1:3128", "https_proxy");
	ok(r.network[0] == NULL, "http_proxy was not set");
	ok_int(gw_record_format(&r, &out, &e), 0, e.text);
	ok_bytes(buf_str(&out), str_of(good), "it is written as it was read");
}

static void
the_built_in_policy_has_no_path(void)
{
	CLEANUP(gw_record_fini) struct gw_record r = { .port = 0 };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_RECORD_MAX);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GW_RECORD_MAX);
	const char *at = strstr(good, "/home/a person/.pando");
	struct err e = ERR_INIT;

	buf_printf(&text, "%.*s-%s", (int)(at - good), good, strchr(at, '\n'));
	ok_int(gw_record_parse(buf_str(&text), &r, &e), 0, e.text);
	ok(r.policy == NULL, "built-in");
	ok_int(gw_record_format(&r, &out, &e), 0, e.text);
	ok_bytes(buf_str(&out), buf_str(&text), "and back");
}

static void
no_prefix_is_enough(void)
{
	char why[ERR_TEXT_MAX];

	for (size_t n = 0; n < sizeof good - 1; n++) {
		char *cut = mem_alloc(n + 1); /* exact, so that ASan sees a step beyond */

		memcpy(cut, good, n);
		cut = mem_grow(cut, n > 0 ? n : 1);
		ok_int(parse((struct str){ cut, n }, why), -1, "a prefix");
		free(cut);
	}
}

static void
what_is_not_understood_is_refused(void)
{
	static const struct {
		const char *old, *new, *want;
	} rows[] = {
		{ "port 40123\n", "", "there is no \"port\"" },
		{ "start 18446744073709551615\n", "", "there is no \"start\"" },
		{ "port 40123\n", "port 40123\nport 40123\n", "line 4 is" },
		{ "NO_PROXY", "https_proxy", "line 2 is" },
		{ "port 40123\n", "more 1\nport 40123\n", "line 3 is" },
		{ "port 40123\n", "LD_PRELOAD /x\nport 40123\n", "line 3 is" },
		{ "port 40123\n", "\nport 40123\n", "line 3 is" },
		{ "port 40123\n", "port\n", "line 3 is" },
		{ "port 40123", "port ", "line 3 is" },
		{ "port 40123", "port  40123", "line 3 is" },
		{ "port 40123", "port 0", "line 3 is" },
		{ "port 40123", "port 040", "line 3 is" },
		{ "port 40123", "port -1", "line 3 is" },
		{ "port 40123", "port 65536", "line 3 is" },
		{ "port 40123", "port 40123 ", "line 3 is" },
		{ "port 40123", "PORT 40123", "line 3 is" },
		{ "port 40123", " port 40123", "line 3 is" },
		{ "token 0", "token ", "line 4 is" },
		{ "token 0", "token 00", "line 4 is" },
		{ "token 0", "token A", "line 4 is" },
		{ "pid 4711", "pid 2147483648", "line 11 is" },
		{ "18446744073709551615", "18446744073709551616", "line 12 is" },
		{ "18446744073709551615", "184467440737095516150", "line 12 is" },
		{ "agent claude", "agent cl\taude", "line 5 is" },
		{ "agent claude", "agent claude\r", "line 5 is" },
		{ "agent claude", "agent claude\x7f", "line 5 is" },
	};
	char why[ERR_TEXT_MAX];

	for (size_t i = 0; i < LEN(rows); i++) {
		ok_int(parse_with(rows[i].old, rows[i].new, why), -1, rows[i].new);
		ok(strstr(why, rows[i].want) == why, why);
	}
	ok_int(parse((struct str){ "port 1\0\n", 8 }, why), -1, "a NUL byte");
}

static void
what_does_not_fit_a_line_is_not_written(void)
{
	CLEANUP(mem_freep) char *large = mem_alloc(GW_RECORD_MAX + 1);
	char newline[] = "/a\nport 1", control[] = "/a\x01", nothing[] = "";
	char agent[] = "codex", version[] = "1", sha[] = TOKEN, log[] = "/l";
	char *const roots[] = { newline, control, nothing, large };

	memset(large, 'x', GW_RECORD_MAX);
	for (size_t i = 0; i < LEN(roots); i++) {
		CLEANUP(buf_fini) struct buf out = BUF_INIT(GW_RECORD_MAX);
		struct err e = ERR_INIT;
		/* borrowed */
		const struct gw_record r = { .port = 1,
			.token = { TOKEN },
			.agent = agent,
			.agent_version = version,
			.root = roots[i],
			.policy_sha256 = sha,
			.log = log,
			.pid = 1,
			.start = 1 };

		ok_int(gw_record_format(&r, &out, &e), -1, "a root that is no line");
		ok(strstr(e.text, "does not fit") != NULL, e.text);
	}
}

int
main(void)
{
	what_is_written_is_read();
	the_built_in_policy_has_no_path();
	no_prefix_is_enough();
	what_is_not_understood_is_refused();
	what_does_not_fit_a_line_is_not_written();
	return test_done();
}
