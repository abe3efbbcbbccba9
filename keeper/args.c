#include "keeper/args.h"

struct args
args_begin(const json_t *msg)
{
	return (struct args){ .msg = msg };
}

static void
refuse(struct args *a, const char *key, const char *want)
{
	if (a->bad != NULL)
		return;
	a->bad = key;
	a->want = want;
}

/* NULL when it is absent. */
static const json_t *
member(struct args *a, const char *key)
{
	const json_t *v = json_object_get(a->msg, key);

	a->seen += v != NULL;
	return v;
}

const char *
args_text(struct args *a, const char *key, size_t max)
{
	const json_t *v = member(a, key);

	if (v == NULL)
		return "";
	if (!json_is_string(v) || json_string_length(v) > max ||
		strlen(json_string_value(v)) != json_string_length(v)) {
		refuse(a, key, "a text that is not too long");
		return "";
	}
	return json_string_value(v);
}

const char *
args_need_text(struct args *a, const char *key, size_t max)
{
	const char *z = args_text(a, key, max);

	if (z[0] == '\0')
		refuse(a, key, "a text");
	return z;
}

const char *
args_one_of(struct args *a, const char *key, const char *const *names)
{
	const json_t *v = member(a, key);

	if (v == NULL)
		return NULL;
	for (size_t i = 0; json_is_string(v) && names[i] != NULL; i++)
		if (strcmp(names[i], json_string_value(v)) == 0)
			return names[i];
	refuse(a, key, "one of the names that it may have");
	return NULL;
}

static bool
is_hex(const char *z)
{
	return strspn(z, "0123456789abcdef") == strlen(z);
}

const char *
args_hex(struct args *a, const char *key, size_t digits)
{
	const char *z;

	if (json_object_get(a->msg, key) == NULL)
		return NULL;
	z = args_text(a, key, digits);
	if (strlen(z) == digits && is_hex(z))
		return z;
	refuse(a, key, "hexadecimal digits of the right number");
	return NULL;
}

int64_t
args_int(struct args *a, const char *key, int64_t min, int64_t max, int64_t absent)
{
	const json_t *v = member(a, key);

	if (v == NULL)
		return absent;
	if (!json_is_integer(v) || json_integer_value(v) < min ||
		json_integer_value(v) > max) {
		refuse(a, key, "a whole number within its limits");
		return absent;
	}
	return json_integer_value(v);
}

const json_t *
args_object(struct args *a, const char *key)
{
	const json_t *v = member(a, key);

	if (v == NULL || json_is_object(v))
		return v;
	refuse(a, key, "an object");
	return NULL;
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void
put_hex(struct args *a, const char *hex, struct buf *path)
{
	if (strlen(hex) % 2 != 0 || !is_hex(hex)) {
		refuse(a, "path_hex", "hexadecimal digits");
		return;
	}
	for (size_t i = 0; hex[i] != '\0'; i += 2)
		buf_putc(path, (char)(digit(hex[i]) << 4 | digit(hex[i + 1])));
}

static bool
is_name(struct str s)
{
	return s.n > 0 && !str_is(s, ".") && !str_is(s, "..") &&
	       memchr(s.p, '\0', s.n) == NULL;
}

static bool
is_path(struct str s)
{
	for (;;) {
		const char *slash = s.n == 0 ? NULL : memchr(s.p, '/', s.n);
		const size_t n = slash == NULL ? s.n : (size_t)(slash - s.p);

		if (!is_name((struct str){ s.p, n }))
			return false;
		if (slash == NULL)
			return true;
		s = str_skip(s, n + 1);
	}
}

void
args_path(struct args *a, size_t max, struct buf *path)
{
	const char *text = args_text(a, "path", max);
	const char *hex = args_text(a, "path_hex", max * 2);

	if ((text[0] == '\0') == (hex[0] == '\0'))
		refuse(a, "path", "a path, either as text or in hexadecimal");
	buf_puts(path, text);
	put_hex(a, hex, path);
	if (!is_path(buf_str(path)))
		refuse(a, "path",
			"names below the root, parted by single slashes, none of them . or "
			"..");
}

int
args_end(const struct args *a, struct err *e)
{
	if (a->bad != NULL)
		return err_set(e, ERR_DATA, "\"%s\": want %s", a->bad, a->want);
	if (a->seen != json_object_size(a->msg))
		return err_set(e, ERR_DATA, "the message has a member that is not known");
	return 0;
}
