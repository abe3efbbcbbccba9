#include "gateway/messages_members.h"

#include <stdint.h>
#include <strings.h>

#include "base/log.h"

/* Parts of names that tell of tools, whatever a coming version makes of them. */
static const char *const telling[] = { "tool", "mcp", "function", "container", "skill",
	"connector", "plugin", "sandbox", "computer", "browser", "bash", "shell", "exec",
	"search", "fetch", "server", "input_schema" };

static bool
has_part(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (strncasecmp(s.p + i, part.p, part.n) == 0)
			return true;
	return false;
}

/* A name or a type; one that is written with escapes hides something. */
static bool
is_telling(struct str s)
{
	if (s.n > 0 && memchr(s.p, '\\', s.n) != NULL)
		return true;
	for (size_t i = 0; i < LEN(telling); i++)
		if (has_part(s, str_of(telling[i])))
			return true;
	return false;
}

static bool
is_empty(struct js v)
{
	struct js_iter it;
	struct js_item m;

	if (v.type == JS_NONE || v.type == JS_NULL ||
		(v.type == JS_BOOL && v.raw.p[0] == 'f'))
		return true;
	if (v.type != JS_ARRAY && v.type != JS_OBJECT)
		return false;
	js_open(&it, v);
	return !js_next(&it, &m);
}

static bool
carries(struct js v, int depth)
{
	struct js_iter it;
	struct js_item m;
	bool named = false;
	bool input = false;

	if (v.type != JS_ARRAY && v.type != JS_OBJECT)
		return false;
	if (depth >= MSG_CARRY_DEPTH)
		return true;
	js_open(&it, v);
	while (js_next(&it, &m)) {
		if (m.key.n > 0 && !is_empty(m.val) && is_telling(m.key))
			return true;
		if (str_is(m.key, "type") && is_telling(js_inside(m.val)))
			return true;
		named = named || str_is(m.key, "name");
		input = input || str_is(m.key, "input") || str_is(m.key, "arguments");
		if ((named && input) || carries(m.val, depth + 1))
			return true;
	}
	return false;
}

bool
msg_could_carry(struct str name, struct js v)
{
	return !is_empty(v) && (is_telling(name) || carries(v, 0));
}

/* --- reading -------------------------------------------------------------------------- */

static const struct msg_member *
find(const struct msg_shape *shape, struct str key)
{
	for (size_t i = 0; i < shape->n; i++) {
		const struct msg_member *k = &shape->v[i];

		if (k->n == key.n && (key.n == 0 || k->name[0] == key.p[0]) &&
			memcmp(k->name, key.p, key.n) == 0)
			return k;
	}
	return NULL;
}

static int
refuse_twice(struct str key, struct err *e)
{
	char name[LOG_QUOTED_MAX];

	return err_set(e, ERR_DATA, "a JSON object has two members named %s",
		log_quoted(key, name));
}

struct unknown {
	struct str seen[JS_MEMBERS_MAX];
	size_t n;
};

static int
check_unknown(
	const struct msg_shape *shape, struct unknown *u, struct str key, struct err *e)
{
	char name[LOG_QUOTED_MAX];

	if (key.n > 0 && memchr(key.p, '\\', key.n) != NULL)
		return err_set(e, ERR_DATA,
			"a JSON member's name is written with escapes: %s",
			log_quoted(key, name));
	for (size_t i = 0; i < shape->n; i++) {
		const struct msg_member *k = &shape->v[i];

		if (k->n == key.n && strncasecmp(k->name, key.p, key.n) == 0)
			return err_set(e, ERR_DATA,
				"a JSON member's name differs from \"%s\" only in its case",
				k->name);
	}
	for (size_t i = 0; i < u->n; i++)
		if (str_eq(u->seen[i], key))
			return refuse_twice(key, e);
	if (u->n >= LEN(u->seen))
		return err_set(e, ERR_DATA, "a JSON object has more than %d members",
			(int)JS_MEMBERS_MAX);
	u->seen[u->n++] = key;
	return 0;
}

int
msg_members(struct js object, const struct msg_shape *shape, struct js *slot,
	size_t nslots, struct str *odd, struct err *e)
{
	struct unknown u;
	uint64_t seen = 0;
	struct js_iter it;
	struct js_item m;

	*odd = STR("");
	u.n = 0;
	for (size_t i = 0; i < nslots; i++)
		slot[i] = (struct js){ .type = JS_NONE };
	if (object.type != JS_OBJECT)
		return err_set(e, ERR_DATA, "a JSON object is missing where one must be");
	js_open(&it, object);
	while (js_next(&it, &m)) {
		const struct msg_member *k = find(shape, m.key);
		const uint64_t bit = k == NULL ? 0 : UINT64_C(1) << (k - shape->v);

		if (k == NULL && check_unknown(shape, &u, m.key, e) < 0)
			return -1;
		if (k == NULL && odd->n == 0 && msg_could_carry(m.key, m.val))
			*odd = m.key;
		if (seen & bit)
			return refuse_twice(m.key, e);
		seen |= bit;
		if (k != NULL && k->slot != MSG_PASS)
			slot[k->slot] = m.val;
	}
	return 0;
}
