#include "base/json/json.h"

void
json_freep(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

json_t *
json_parse(struct str text, struct err *e)
{
	json_error_t why;
	json_t *j = json_loadb(text.n > 0 ? text.p : "", text.n,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);

	if (j == NULL)
		(void)err_set(e, ERR_DATA, "not JSON: line %d, column %d: %s", why.line,
			why.column, why.text);
	return j;
}

const char *
json_text_of(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

const json_t *
json_object_of(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_object(v) ? v : NULL;
}

const json_t *
json_array_of(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_array(v) ? v : NULL;
}

static int
put_piece(const char *p, size_t n, void *to)
{
	struct buf *b = to;

	buf_put(b, p, n);
	return b->over ? -1 : 0;
}

void
json_put(struct buf *b, const json_t *j)
{
	if (json_dump_callback(
		    j, put_piece, b, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) < 0)
		b->over = true;
}
