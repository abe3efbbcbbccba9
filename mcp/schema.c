#include "mcp/schema.h"

#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

enum { WHAT_MAX = 64, NAMES_MAX = 1024 };

static int check_value(const json_t *schema, json_t *v, const char *name, struct err *e);

static bool
is_of_type(const char *type, const json_t *v)
{
	if (strcmp(type, "string") == 0)
		return json_is_string(v);
	if (strcmp(type, "integer") == 0)
		return json_is_integer(v);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(v);
	if (strcmp(type, "array") == 0)
		return json_is_array(v);
	return strcmp(type, "object") == 0 && json_is_object(v);
}

/* A limit of the schema, or what holds without one. */
static json_int_t
limit(const json_t *schema, const char *key, json_int_t otherwise)
{
	const json_t *v = json_object_get(schema, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static int
check_range(const json_t *schema, const char *least, const char *most, json_int_t n,
	const char *what, struct err *e)
{
	const json_int_t lo = limit(schema, least, INT64_MIN);
	const json_int_t hi = limit(schema, most, INT64_MAX);

	if (n < lo)
		return err_set(e, ERR_DATA, "%s must be at least %lld, not %lld", what,
			(long long)lo, (long long)n);
	if (n > hi)
		return err_set(e, ERR_DATA, "%s must be at most %lld, not %lld", what,
			(long long)hi, (long long)n);
	return 0;
}

static int
check_text(const json_t *schema, const json_t *v, const char *name, struct err *e)
{
	const json_t *choices = json_array_of(schema, "enum");
	CLEANUP(buf_fini) struct buf list = BUF_INIT(NAMES_MAX);
	char what[WHAT_MAX];

	(void)snprintf(what, sizeof what, "the length of \"%s\"", name);
	if (check_range(schema, "minLength", "maxLength",
		    (json_int_t)json_string_length(v), what, e) < 0)
		return -1;
	if (choices == NULL)
		return 0;
	for (size_t i = 0; i < json_array_size(choices); i++)
		if (json_equal(json_array_get(choices, i), v))
			return 0;
	json_put(&list, choices);
	return err_set(e, ERR_DATA, "\"%s\" must be one of %s", name, buf_text(&list));
}

static int
check_items(const json_t *schema, const json_t *v, const char *name, struct err *e)
{
	const json_t *of = json_object_of(schema, "items");
	char what[WHAT_MAX];

	(void)snprintf(what, sizeof what, "the number of \"%s\"", name);
	if (check_range(schema, "minItems", "maxItems", (json_int_t)json_array_size(v),
		    what, e) < 0)
		return -1;
	for (size_t i = 0; of != NULL && i < json_array_size(v); i++)
		if (check_value(of, json_array_get(v, i), name, e) < 0)
			return -1;
	return 0;
}

static void
put_names(struct buf *b, json_t *properties)
{
	for (void *it = json_object_iter(properties); it != NULL;
		it = json_object_iter_next(properties, it))
		buf_printf(b, "%s%s", b->n > 0 ? ", " : "", json_object_iter_key(it));
}

static int
check_required(const json_t *schema, const json_t *v, const char *names, struct err *e)
{
	const json_t *required = json_array_of(schema, "required");

	for (size_t i = 0; i < json_array_size(required); i++) {
		const char *key = json_string_value(json_array_get(required, i));

		if (json_object_get(v, key) == NULL)
			return err_set(e, ERR_DATA,
				"\"%s\" is missing; the arguments are: %s", key, names);
	}
	return 0;
}

static int
check_members(const json_t *schema, json_t *v, struct err *e)
{
	json_t *properties = json_object_get(schema, "properties");
	CLEANUP(buf_fini) struct buf names = BUF_INIT(NAMES_MAX);

	put_names(&names, properties);
	if (check_required(schema, v, buf_text(&names), e) < 0)
		return -1;
	for (void *it = json_object_iter(v); it != NULL;
		it = json_object_iter_next(v, it)) {
		const char *key = json_object_iter_key(it);
		json_t *of = json_object_get(properties, key);
		char shown[LOG_QUOTED_MAX];

		if (of == NULL)
			return err_set(e, ERR_DATA,
				"there is no argument \"%s\"; the arguments are: %s",
				log_quoted(str_of(key), shown), buf_text(&names));
		if (check_value(of, json_object_iter_value(it), key, e) < 0)
			return -1;
	}
	return 0;
}

static int
check_value(const json_t *schema, json_t *v, const char *name, struct err *e)
{
	const char *type = json_text_of(schema, "type");

	if (type == NULL || !is_of_type(type, v))
		return err_set(e, ERR_DATA, "\"%s\" must be of type %s", name,
			type == NULL ? "that the server knows" : type);
	if (json_is_string(v))
		return check_text(schema, v, name, e);
	if (json_is_integer(v)) {
		char what[WHAT_MAX];

		(void)snprintf(what, sizeof what, "\"%s\"", name);
		return check_range(
			schema, "minimum", "maximum", json_integer_value(v), what, e);
	}
	if (json_is_array(v))
		return check_items(schema, v, name, e);
	return json_is_object(v) ? check_members(schema, v, e) : 0;
}

int
schema_check(const json_t *schema, json_t *args, struct err *e)
{
	return check_value(schema, args, "arguments", e);
}
