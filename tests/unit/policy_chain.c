#include "tests/unit/test.h"

#include <stdlib.h>

#include "policy/record.h"
#include "policy/verify.h"

enum { LINES = 6, SCRIPT_MAX = 12 };

#define STAMP "2026-11-21T13:53:56.123Z"
#define SHA "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static void
a_place_is_read_off_a_line(void)
{
	static const struct {
		const char *line;
		uint64_t seq; /* 0: it has none */
	} rows[] = {
		{ "{\"v\":1,\"seq\":7,\"prev\":\"" SHA "\",\"ts\":\"", 7 },
		{ "{\"v\":1,\"seq\":9999999999999999999,\"prev\":\"" SHA "\",\"ts\":\"",
			UINT64_C(9999999999999999999) },
		{ "{\"v\":1,\"seq\":0,\"prev\":\"" SHA "\",\"ts\":\"", 0 },
		{ "{\"v\":1,\"seq\":07,\"prev\":\"" SHA "\",\"ts\":\"", 0 },
		{ "{\"v\":1,\"seq\":99999999999999999999,\"prev\":\"" SHA "\",\"ts\":\"",
			0 },
		{ "{\"v\":1,\"seq\":-7,\"prev\":\"" SHA "\",\"ts\":\"", 0 },
		{ "{\"v\":2,\"seq\":7,\"prev\":\"" SHA "\",\"ts\":\"", 0 },
		{ "{\"seq\":7,\"prev\":\"" SHA "\",\"ts\":\"", 0 },
		{ "{\"v\":1,\"seq\":7,\"prev\":\"" SHA "0\",\"ts\":\"", 0 },
		{ "{\"v\":1,\"seq\":7,\"prev\":\"A4136fa355b3678a1146ad16f7e8649e94fb4fc21fe77"
		  "e8310c060f61caaff8a\",\"ts\":\"",
			0 },
		{ "{\"v\":1, \"seq\":7,\"prev\":\"" SHA "\",\"ts\":\"", 0 },
		{ "not JSON", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct rec_link l = { .seq = 0 };
		const struct str line = str_of(rows[i].line);
		const bool has = rec_link_of(line, &l);

		ok_int(has, rows[i].seq > 0, rows[i].line);
		ok(!has || l.seq == rows[i].seq, rows[i].line);
		for (size_t n = 0; n < line.n; n++)
			ok(!rec_link_of((struct str){ line.p, n }, &l), "every prefix");
	}
}

static void
a_head_is_read_back_whole_or_not_at_all(void)
{
	const struct rec_head h = { 12, SHA, 3, 4567, 1795268036, 2, STAMP };
	char text[REC_HEAD_BYTES];
	char spoilt[REC_HEAD_BYTES];
	struct rec_head got;
	const char *end;

	rec_head_put(&h, text);
	ok(rec_head_read((struct str){ text, sizeof text }, &got), "read");
	ok(got.seq == h.seq && got.oldest == h.oldest && got.end == h.end &&
			got.born == h.born && got.lost == h.lost,
		"numbers");
	ok_str(got.sha256, SHA, "hash");
	ok_str(got.since, STAMP, "since");
	for (size_t n = 0; n < sizeof text; n++)
		ok(!rec_head_read((struct str){ text, n }, &got), "every prefix");
	end = strstr(text, "\n  ");
	for (size_t i = 0; text + i < end; i++) {
		memcpy(spoilt, text, sizeof text);
		spoilt[i] = spoilt[i] == '1' ? '2' : '1';
		ok(!rec_head_read((struct str){ spoilt, sizeof spoilt }, &got),
			"every changed byte");
	}
	got = rec_head_first(5);
	rec_head_put(&got, text);
	ok(rec_head_read((struct str){ text, sizeof text }, &got), "the first one");
	ok(got.seq == 0 && got.oldest == 1 && got.born == 5, "has nothing yet");
	ok_str(got.sha256, REC_NO_PREV, "and zeros");
	ok_str(got.since, "", "and no loss");
}

static void
a_torn_line_is_known_by_its_beginning(void)
{
	struct rec_head h = rec_head_first(0);
	static const struct {
		const char *text;
		bool could;
	} rows[] = {
		{ "{", true },
		{ "{\"v\":1,\"seq\":1,\"prev\":\"000", true },
		{ "{\"v\":1,\"seq\":1,\"prev\":\"" REC_NO_PREV "\",\"ts\":\"2026", true },
		{ "{\"v\":1,\"seq\":2,\"prev\":\"000", false },
		{ "{\"v\":1,\"seq\":1,\"prev\":\"001", false },
		{ "x", false },
		{ "{\"v\":1,\"seq\":1,\"prev\":\"" REC_NO_PREV "\",\"ts\":\"2026\n",
			false },
	};

	for (size_t i = 0; i < LEN(rows); i++)
		ok_int(rec_head_could_begin(&h, str_of(rows[i].text)), rows[i].could,
			rows[i].text);
}

/* --- what is found ---------------------------------------------------------------- */

static char *good[LINES]; /* a chain, without newlines */
static struct rec_head head;

static void
make_chain(void)
{
	head = rec_head_first(0);
	for (int i = 0; i < LINES; i++) {
		struct rec_link l = { .seq = head.seq + 1 };

		memcpy(l.prev, head.sha256, sizeof l.prev);
		good[i] = mem_printf("{\"v\":1,\"seq\":%d,\"prev\":\"%s\",\"ts\":\"" STAMP
				     "\",\"event\":\"x_y\",\"n\":%d}",
			i + 1, l.prev, i);
		rec_head_move(&head, str_of(good[i]));
	}
}

static void
on_found(void *to, const struct rec_finding *f)
{
	buf_printf(to, "%s%s:%d", ((struct buf *)to)->n > 0 ? " " : "",
		rec_fault_name(f->fault), (int)f->line);
}

/* Digits: that line; c: line 3 changed; f: a foreign line; F: one that forges place 4; o: one
 * of a former version. */
static void
feed(struct rec_check *c, char what)
{
	CLEANUP(mem_freep) char *line = NULL;
	struct rec_head two = rec_head_first(0);

	if (what >= '1' && what <= '0' + LINES)
		line = mem_strdup(good[what - '1']);
	else if (what == 'c')
		line = mem_printf("%.*s,\"m\":1}", (int)strlen(good[2]) - 1, good[2]);
	else if (what == 'F') {
		rec_head_move(&two, str_of(good[2]));
		line = mem_printf("{\"v\":1,\"seq\":4,\"prev\":\"%s\",\"ts\":\"" STAMP
				  "\"}",
			two.sha256);
	} else
		line = mem_strdup(what == 'o' ? "{\"ts\":\"x\"}" : "foreign");
	rec_check_line(c, str_of(line));
}

/* A slash begins the next file. */
static void
feed_files(struct rec_check *c, const char *lines)
{
	rec_check_file(c, "a");
	for (const char *p = lines; *p != '\0'; p++) {
		if (*p == '/')
			rec_check_file(c, "b");
		else
			feed(c, *p);
	}
}

static void
each_kind_of_tampering_is_found(void)
{
	static const struct {
		const char *lines; /* a slash: the next file */
		const char *torn;
		uint64_t oldest; /* 0: there is no head */
		const char *found;
	} rows[] = {
		{ "123456", NULL, 1, "" },
		{ "12/34/56", NULL, 1, "" },
		{ "123456/", NULL, 1, "" },
		{ "/123456", NULL, 1, "" },
		{ "456", NULL, 4, "" },
		{ "3456", NULL, 4, "" }, /* about to be removed by a rotation */
		{ "oo123456", NULL, 1, "begins:3" },
		{ "oo/123456", NULL, 1, "begins:1" },
		/* removed */
		{ "12456", NULL, 1, "removed:3" },
		{ "23456", NULL, 1, "removed:1" },
		{ "12/56", NULL, 1, "removed:1" },
		{ "56", NULL, 3, "removed:1" },
		{ "o3456", NULL, 3, "removed:2" },
		{ "1/3", NULL, 1, "removed:1 cut:1" },
		/* changed */
		{ "12c456", NULL, 1, "changed:3" },
		{ "12c/456", NULL, 1, "changed:3" },
		/* moved */
		{ "132456", NULL, 1, "removed:2 moved:3" },
		{ "213456", NULL, 1, "removed:1 moved:2" },
		{ "123356", NULL, 1, "moved:4 removed:5" },
		{ "1233456", NULL, 1, "moved:4" },
		{ "456/123", NULL, 1, "removed:1 moved:1 moved:2 moved:3" },
		/* inserted */
		{ "12f3456", NULL, 1, "inserted:3" },
		{ "123F456", NULL, 1, "moved:5 changed:4" },
		{ "123456f", NULL, 1, "inserted:7" },
		{ "123o456", NULL, 1, "inserted:4" },
		/* cut off */
		{ "12345", NULL, 1, "cut:5" },
		{ "", NULL, 1, "cut:0" },
		{ "", NULL, LINES + 1, "" }, /* just put away */
		{ "oo", NULL, 1, "cut:2" },
		{ "1234", "{\"v\":1,\"seq\":5,\"prev\":\"", 1, "cut:5 cut:4" },
		/* a writer was killed */
		{ "123456", "{\"v\":1,\"seq\":7,\"prev\":\"", 1, "unfinished:7" },
		{ "123456", "{\"v\":1,\"seq\":9,\"prev\":\"", 1, "cut:7" },
		/* without a head nobody knows about the end */
		{ "1234", NULL, 0, "" },
		{ "oo", NULL, 0, "" },
	};

	make_chain();
	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(buf_fini) struct buf found = BUF_INIT(4096);
		struct rec_check c = { .found = on_found, .to = &found };

		c.at = rec_head_first(0);
		c.head = head;
		c.head.oldest = rows[i].oldest;
		c.knows = rows[i].oldest > 0;
		feed_files(&c, rows[i].lines);
		if (rows[i].torn != NULL)
			rec_check_torn(&c, str_of(rows[i].torn), true);
		rec_check_end(&c);
		ok_str(buf_text(&found), rows[i].found, rows[i].lines);
	}
}

/* The last line has nobody behind it but the head. */
static void
a_changed_last_line_is_found(void)
{
	CLEANUP(buf_fini) struct buf found = BUF_INIT(4096);
	CLEANUP(mem_freep) char *changed = mem_printf("%s}", good[LINES - 1]);
	struct rec_check c = { .found = on_found, .to = &found, .knows = true };

	c.at = rec_head_first(0);
	c.head = head;
	rec_check_file(&c, "a");
	for (int i = 0; i < LINES - 1; i++)
		rec_check_line(&c, str_of(good[i]));
	rec_check_line(&c, str_of(changed));
	rec_check_end(&c);
	ok_str(buf_text(&found), "changed:6", "changed last line");
}

int
main(void)
{
	a_place_is_read_off_a_line();
	a_head_is_read_back_whole_or_not_at_all();
	a_torn_line_is_known_by_its_beginning();
	each_kind_of_tampering_is_found();
	a_changed_last_line_is_found();
	for (int i = 0; i < LINES; i++)
		free(good[i]);
	return test_done();
}
