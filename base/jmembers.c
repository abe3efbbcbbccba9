#include "base/jmembers.h"

#include <strings.h>

#include "base/log.h"

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The bytes of a short name, the ends of a long one. */
struct ends {
	uint64_t head, tail;
};

static struct ends
ends_of(struct str key)
{
	struct ends of = { 0, 0 };

	if (key.n >= sizeof of.head) {
		memcpy(&of.head, key.p, sizeof of.head);
		memcpy(&of.tail, key.p + key.n - sizeof of.tail, sizeof of.tail);
		return of;
	}
	for (size_t i = 0; i < key.n; i++)
		of.head = of.head << 8 | (unsigned char)key.p[i];
	return of;
}

static bool
has_escape(struct str key, const struct ends *of)
{
	const uint64_t x = of->head ^ EACH('\\');
	const uint64_t y = of->tail ^ EACH('\\');

	if ((((x - EACH(1)) & ~x) | ((y - EACH(1)) & ~y)) & EACH(0x80))
		return true;
	return key.n > sizeof *of && memchr(key.p, '\\', key.n) != NULL;
}

/* Below JS_SUMS. Names that differ in their middle only cost a comparison. */
static unsigned int
sum_of(struct str key, const struct ends *of)
{
	const uint64_t mixed = (of->head ^ key.n) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned int)((mixed ^ of->tail) * UINT64_C(0xc2b2ae3d27d4eb4f) >> 54);
}

static bool
is_new(struct js_members *m, struct str key, const struct ends *of)
{
	const unsigned int sum = sum_of(key, of);
	uint64_t *const word = &m->sums[sum / 64];
	const uint64_t bit = UINT64_C(1) << sum % 64;
	const bool maybe = (*word & bit) != 0;

	*word |= bit;
	for (size_t i = 0; maybe && i < m->nseen; i++) {
		if (str_eq(m->seen[i], key))
			return false;
	}
	return true;
}

/*
 * serde_json, with its feature raw_value (codex 0.169.0 has it), takes an object whose only member
 * is named so for the JSON that is written in its string.
 */
static bool
is_private(struct str key)
{
	return str_starts(key, STR("$serde_json::private::"));
}

static int
add_name(struct js_members *m, struct str key, struct err *e)
{
	const struct ends of = ends_of(key);
	char name[LOG_QUOTED_MAX];

	if (m->nseen >= JS_MEMBERS_MAX)
		return err_set(e, ERR_DATA, "a JSON object has more than %d members",
			(int)JS_MEMBERS_MAX);
	if (has_escape(key, &of))
		return err_set(e, ERR_DATA,
			"a JSON member's name is written with escapes: %s",
			log_quoted(key, name));
	if (is_private(key))
		return err_set(e, ERR_DATA,
			"a JSON member's name says that its object stands for another value: "
			"%s",
			log_quoted(key, name));
	if (!is_new(m, key, &of))
		return err_set(e, ERR_DATA, "a JSON object has two members named %s",
			log_quoted(key, name));
	m->seen[m->nseen++] = key;
	return 0;
}

/* Readers that do not heed case would take it for the field, though we do not: refused. */
static int
take_field(struct js_members *m, size_t i, const struct js_item *item, struct err *e)
{
	struct js_field *const f = &m->f[i];
	const struct str key = item->key;

	if (key.n != f->len || (key.n > 0 && ((key.p[0] ^ f->name[0]) & ~0x20) != 0))
		return 0;
	if (memcmp(key.p, f->name, key.n) == 0) {
		f->m = *item;
		m->last = &f->m;
	} else if (strncasecmp(key.p, f->name, key.n) == 0) {
		return err_set(e, ERR_DATA,
			"a JSON member's name differs from \"%s\" only in its case",
			f->name);
	}
	return 0;
}

void
js_members_init(struct js_members *m, struct js_field *f, size_t n)
{
	m->nseen = 0;
	memset(m->sums, 0, sizeof m->sums);
	m->f = f;
	m->n = n;
	m->last = NULL;
}

int
js_members_add(struct js_members *m, const struct js_item *item, struct err *e)
{
	m->last = NULL;
	if (add_name(m, item->key, e) < 0)
		return -1;
	for (size_t i = 0; i < m->n; i++) {
		if (take_field(m, i, item, e) < 0)
			return -1;
	}
	return 0;
}
