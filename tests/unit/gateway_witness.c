/* A witness is for one call: that one, once, and not forever. */

#include "gateway/witness.h"

#include <stdio.h>

#include "policy/call_hash.h"
#include "tests/unit/test.h"

#define SECOND INT64_C(1000000)

static const char args[] = "{\"path\":\"a\",\"limit\":10}";

struct made {
	struct gw_call call;
	char sha[REC_SHA_HEX + 1];
};

static const struct gw_call *
made(struct made *m, const char *id, const char *tool, const char *text)
{
	struct err e = ERR_INIT;

	ok_int(call_hash(str_of(text), m->sha, &e), 0, text);
	m->call = (struct gw_call){ str_of(id), STR("pando_core"), str_of(tool), m->sha,
		NULL };
	return &m->call;
}

static void
a_call_let_through_is_made_once(void)
{
	CLEANUP(gw_witnesses_fini) struct gw_witnesses all = { .w = NULL };
	struct err e = ERR_INIT;
	struct made m;

	ok_int(gw_witness_add(&all, made(&m, "toolu_1", "read-file", args), 0, &e), 0,
		"");
	(void)made(
		&m, "toolu_1", "read-file", "{ \"limit\" : 1e1, \"\\u0070ath\":\"a\" }");
	ok_int(gw_witness_take(&all, &m.call, SECOND, &e), 0, "spelled otherwise");
	ok_int(gw_witness_take(&all, &m.call, SECOND, &e), -1, "once more");
	ok_str(e.text,
		"the model's call was made already, and is good for once: make a new call",
		"once more");
	/* some providers begin to count anew with each answer */
	ok_int(gw_witness_add(&all, &m.call, 2 * SECOND, &e), 0, "the id comes again");
	ok_int(gw_witness_take(&all, &m.call, 3 * SECOND, &e), 0, "and is another call");
}

static void
told_of_twice_it_is_one_call(void)
{
	CLEANUP(gw_witnesses_fini) struct gw_witnesses all = { .w = NULL };
	struct err e = ERR_INIT;
	struct made m;

	ok_int(gw_witness_add(&all, made(&m, "1", "read-file", args), 0, &e), 0, "");
	ok_int(gw_witness_add(&all, &m.call, 0, &e), 0, "");
	ok_int(gw_witness_take(&all, &m.call, 0, &e), 0, "the call");
	ok_int(gw_witness_take(&all, &m.call, 0, &e), -1, "no second one");
}

static void
another_call_has_no_witness(void)
{
	static const struct {
		const char *id, *tool, *args, *why;
	} rows[] = {
		{ "toolu_2", "read-file", args,
			"the gateway let no such call of the model through, or was started "
			"again since: make the call again" },
		{ "exec-1", "read-file", args,
			"the gateway let no such call of the model through, or was started "
			"again since: make the call again" },
		{ "", "read-file", args,
			"the gateway let no such call of the model through, or was started "
			"again since: make the call again" },
		{ "toolu_1", "search-text", args,
			"the model made this call with other arguments or of another tool" },
		{ "toolu_1", "read-file", "{\"path\":\"b\",\"limit\":10}",
			"the model made this call with other arguments or of another tool" },
		{ "toolu_1", "read-file", "{\"path\":\"a\",\"limit\":10,\"x\":null}",
			"the model made this call with other arguments or of another tool" },
		{ "toolu_1", "read-file", "",
			"the model made this call with other arguments or of another tool" },
	};
	CLEANUP(gw_witnesses_fini) struct gw_witnesses all = { .w = NULL };
	struct err e = ERR_INIT;
	struct made m;

	ok_int(gw_witness_add(&all, made(&m, "toolu_1", "read-file", args), 0, &e), 0,
		"");
	ok_int(gw_witness_add(&all, made(&m, "", "read-file", args), 0, &e), 0, "no id");
	for (size_t i = 0; i < LEN(rows); i++) {
		(void)made(&m, rows[i].id, rows[i].tool, rows[i].args);
		ok_int(gw_witness_take(&all, &m.call, 0, &e), -1, rows[i].id);
		ok_str(e.text, rows[i].why, rows[i].args);
	}
	(void)made(&m, "toolu_1", "read-file", args);
	m.call.server = STR("pando_workspace");
	ok_int(gw_witness_take(&all, &m.call, 0, &e), -1, "the other server");
	m.call.server = STR("pando_core");
	ok_int(gw_witness_take(&all, &m.call, 0, &e), 0, "it is still good for its own");
}

static void
it_expires(void)
{
	CLEANUP(gw_witnesses_fini) struct gw_witnesses all = { .w = NULL };
	struct err e = ERR_INIT;
	struct made m;

	ok_int(gw_witness_add(&all, made(&m, "1", "read-file", args), 5, &e), 0, "");
	ok_int(gw_witness_take(&all, &m.call, 5 + GW_WITNESS_LIFE_S * SECOND, &e), -1,
		"late");
	ok_str(e.text, "the model made this call too long ago: make the call again",
		"late");
	ok_int(gw_witness_take(&all, &m.call, 4 + GW_WITNESS_LIFE_S * SECOND, &e), 0,
		"in time");
}

static void
the_table_is_bounded(void)
{
	CLEANUP(gw_witnesses_fini) struct gw_witnesses all = { .w = NULL };
	struct err e = ERR_INIT;
	struct made m;
	char id[32];
	int added = 0;

	for (int i = 0; i < GW_WITNESS_MAX; i++) {
		(void)snprintf(id, sizeof id, "call_%d", i);
		(void)made(&m, id, "read-file", args);
		added += gw_witness_add(&all, &m.call, i, &e) == 0;
	}
	ok_int(added, GW_WITNESS_MAX, "as many as there may be");
	ok_int(gw_witness_add(&all, made(&m, "more", "read-file", args), 1, &e), -1,
		"full");
	ok_str(e.text,
		"pando-ai: 4096 calls of this session were let through and not made: start it "
		"again",
		"full");
	(void)made(&m, "call_7", "read-file", args);
	ok_int(gw_witness_take(&all, &m.call, 1, &e), 0, "one is made");
	ok_int(gw_witness_add(&all, made(&m, "more", "read-file", args), 1, &e), 0,
		"room");
	ok_int(gw_witness_take(&all, &m.call, 1, &e), 0, "for the new one");
	ok_int(gw_witness_add(&all, made(&m, "late", "read-file", args),
		       GW_WITNESS_LIFE_S * SECOND + 100, &e),
		0, "expired ones make room");
	ok_int(all.n, GW_WITNESS_MAX - 100, "all of them");
}

static void
what_claude_mends_is_the_same_call(void)
{
	static const struct {
		const char *wire, *arrived; /* NULL: nothing is mended */
	} rows[] = {
		{ "{\"a\":\"x \\\\u00e9 y\"}", "{\"a\":\"x \xc3\xa9 y\"}" },
		{ "{\"a\":[\"\\\\u0026\\\\u0026\"]}", "{\"a\":[\"&&\"]}" },
		{ "{\"a\":\"\\\\ud83d\\\\ude00\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}" },
		{ "{\"a\":\"\\\\\\\\\\\\u0041\"}", "{\"a\":\"\\\\\\\\A\"}" },
		{ "{\"a\":\"\\\\\\\\u0041\"}", NULL }, /* a backslash, spelt for itself */
		{ "{\"a\":\"\\u0041 u0041 \\\\u004\"}", NULL },
		{ "{\"a\":\"\\\\u001b \\\\u0085\"}", NULL }, /* control characters */
		{ "{}", NULL },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(gw_witnesses_fini) struct gw_witnesses all = { .w = NULL };
		struct err e = ERR_INIT;
		char mended[REC_SHA_HEX + 1];
		struct made m;
		const int got = call_hash_mended(str_of(rows[i].wire), mended, &e);

		ok_int(got, rows[i].arrived != NULL, rows[i].wire);
		(void)made(&m, "1", "insert", rows[i].wire);
		m.call.mended = got > 0 ? mended : NULL;
		ok_int(gw_witness_add(&all, &m.call, 0, &e), 0, "let through");
		if (rows[i].arrived == NULL)
			continue;
		(void)made(&m, "1", "insert", rows[i].arrived);
		ok_int(gw_witness_take(&all, &m.call, 0, &e), 0, rows[i].arrived);
		ok_int(gw_witness_take(&all, &m.call, 0, &e), -1, "once");
	}
}

int
main(void)
{
	a_call_let_through_is_made_once();
	told_of_twice_it_is_one_call();
	another_call_has_no_witness();
	it_expires();
	what_claude_mends_is_the_same_call();
	the_table_is_bounded();
	return test_done();
}
