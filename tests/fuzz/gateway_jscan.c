/*
 * jscan against jansson: both take the same texts. Argued exceptions: jansson has no limit
 * of ours for depth, and none of RFC 8259's freedom for numbers beyond its own types, for a
 * lone surrogate, or for a U+0000 in a member's name; and it passes over NUL bytes. Then every range that a walk hands
 * out must itself be valid.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json/json.h"
#include "gateway/edit.h"
#include "base/jscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_argued(const json_error_t *why)
{
	return strstr(why->text, "nvalid Unicode") != NULL ||
	       json_error_code(why) == json_error_numeric_overflow ||
	       json_error_code(why) == json_error_null_byte_in_key;
}

static void
walk(struct js v)
{
	struct js_iter it;
	struct js_item m;
	struct js same;
	struct err e = ERR_INIT;
	struct js_field f[] = { JS_FIELD("type"), JS_FIELD("name") };
	char scratch[64];
	struct str text;

	assert(js_check(v.raw, &same, &e) == 0 && same.type == v.type &&
		str_eq(same.raw, v.raw));
	(void)js_text(v, scratch, sizeof scratch, &text, &e); /* only that it ends well */
	(void)js_fields(v, f, LEN(f), &e);
	js_open(&it, v);
	while (js_next(&it, &m))
		walk(m.val);
}

/* Check and fields in one pass, or in two: the same. */
static void
read_both(struct str text, struct js root, bool is_json)
{
	struct js_field a[] = { JS_FIELD("type"), JS_FIELD("a"), JS_FIELD("name") };
	struct js_field b[] = { JS_FIELD("type"), JS_FIELD("a"), JS_FIELD("name") };
	struct js same;
	struct err e = ERR_INIT;
	const int want = is_json ? js_fields(root, a, LEN(a), &e) : -1;

	assert(js_check_fields(text, b, LEN(b), &same, &e) == want);
	assert(want < 0 || (same.type == root.type && str_eq(same.raw, root.raw)));
	for (size_t i = 0; want == 0 && i < LEN(a); i++)
		assert(a[i].m.val.type == b[i].m.val.type &&
			a[i].m.val.raw.p == b[i].m.val.raw.p &&
			a[i].m.val.raw.n == b[i].m.val.raw.n &&
			a[i].m.start == b[i].m.start && a[i].m.end == b[i].m.end &&
			a[i].m.prev_end == b[i].m.prev_end && a[i].m.next == b[i].m.next);
}

/* With the index every item is where it is without. */
static void
walk_both(struct js a, struct js b)
{
	struct js_iter ia, ib;
	struct js_item ma, mb;

	assert(a.type == b.type && a.raw.p == b.raw.p && a.raw.n == b.raw.n);
	js_open(&ia, a);
	js_open(&ib, b);
	while (js_next(&ia, &ma)) {
		assert(js_next(&ib, &mb) && ma.start == mb.start && ma.end == mb.end);
		walk_both(ma.val, mb.val);
	}
	assert(!js_next(&ib, &mb));
}

/* Cuts every second item of the outermost container. */
static void
cut(struct str text, struct js root)
{
	CLEANUP(edits_fini) struct edits ed;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(text.n);
	struct err e = ERR_INIT;
	struct js_iter it;
	struct js_item m;
	struct js left;
	bool kept = false;

	edits_init(&ed, text);
	js_open(&it, root);
	for (size_t i = text.n % 2; js_next(&it, &m); i++) {
		if (i % 2 == 0)
			edits_cut_item(&ed, &m, kept);
		else
			kept = true;
	}
	if (edits_apply(&ed, &out, &e) <= 0)
		return;
	assert(js_check(buf_str(&out), &left, &e) == 0 && left.type == root.type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str text = { (const char *)data, n };
	CLEANUP(json_freep) json_t *tree = NULL;
	CLEANUP(js_index_fini) struct js_index ix = { NULL, 0, 0 };
	struct err e = ERR_INIT;
	json_error_t why;
	struct js root, indexed;

	if (n == 0)
		return 0;
	tree = json_loadb(text.p, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (js_check(text, &root, &e) < 0) {
		assert(tree == NULL || memchr(data, 0, n) != NULL ||
			strstr(e.text, "nested too deep") != NULL);
		read_both(text, root, false);
		return 0;
	}
	read_both(text, root, true);
	assert(memchr(data, 0, n) == NULL);
	assert(tree != NULL || is_argued(&why));
	walk(root);
	assert(js_check_index(text, &ix, &indexed, &e) == 0);
	walk_both(root, indexed);
	cut(text, root);
	return 0;
}
