#include "gateway/head.h"

#include "gateway/word.h"

bool
gw_head_next(struct str *lines, struct str *name, struct str *value)
{
	struct str line;

	if (lines->n == 0)
		return false;
	line = gw_cut(lines, '\n');
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--; /* as h1.h hands it out */
	*name = gw_cut(&line, ':');
	*value = gw_trim(line);
	return true;
}

void
gw_head_put(struct buf *lines, struct str name, struct str value)
{
	buf_put_str(lines, name);
	buf_puts(lines, ": ");
	buf_put_str(lines, value);
	buf_putc(lines, '\n');
}

struct str
gw_head_get(struct str lines, const char *want)
{
	struct str name, value;

	while (gw_head_next(&lines, &name, &value))
		if (gw_word_is(name, str_of(want)))
			return value;
	return STR("");
}

size_t
gw_head_count(struct str lines, const char *want)
{
	struct str name, value;
	size_t n = 0;

	while (gw_head_next(&lines, &name, &value))
		n += gw_word_is(name, str_of(want));
	return n;
}

struct str
gw_head_list(struct str lines, const char *want, struct buf *room)
{
	struct str list = STR(""), name, value;
	size_t n = 0;

	while (gw_head_next(&lines, &name, &value)) {
		if (!gw_word_is(name, str_of(want)))
			continue;
		if (++n > 1) {
			if (n == 2)
				buf_put_str(room, list);
			buf_putc(room, ',');
			buf_put_str(room, value);
		}
		list = n > 1 ? buf_str(room) : value;
	}
	return list;
}

bool
gw_head_is_sound(struct str name, struct str value)
{
	if (name.n == 0)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		const unsigned char c = (unsigned char)name.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	for (size_t i = 0; i < value.n; i++) {
		const unsigned char c = (unsigned char)value.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool
gw_head_lists(struct str value, struct str word)
{
	while (value.n > 0)
		if (gw_word_is(gw_trim(gw_cut(&value, ',')), word))
			return true;
	return false;
}

static bool
is_one_of(struct str name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (gw_word_is(name, str_of(*list)))
			return true;
	return false;
}

static bool
is_of_one_hop(struct str name, struct str nominated)
{
	static const char *const hop[] = { "connection", "keep-alive", "proxy-connection",
		"proxy-authenticate", "proxy-authorization", "te", "trailer",
		"transfer-encoding", "upgrade", "content-length", NULL };

	return is_one_of(name, hop) || gw_head_lists(nominated, name);
}

bool
gw_head_goes_up(struct str name, struct str nominated)
{
	static const char *const ours[] = { "host", "accept-encoding", "content-encoding",
		"expect", NULL };

	return !is_of_one_hop(name, nominated) && !is_one_of(name, ours);
}

bool
gw_head_goes_down(struct str name, struct str nominated)
{
	/* Another address or protocol for this provider would lead around us. */
	static const char *const around[] = { "alt-svc", "refresh", NULL };

	return !is_of_one_hop(name, nominated) && !is_one_of(name, around);
}

void
gw_head_put_down(struct str lines, bool decoded, struct buf *out)
{
	CLEANUP(buf_fini) struct buf room = BUF_INIT(GW_HEAD_MAX);
	const struct str nominated = gw_head_list(lines, "connection", &room);
	struct str name, value;

	while (gw_head_next(&lines, &name, &value))
		if (gw_head_goes_down(name, nominated) &&
			!(decoded && gw_head_lists(name, STR("content-encoding"))))
			gw_head_put(out, name, value);
}

bool
gw_head_is_media(struct str value, const char *type)
{
	return gw_word_is(gw_trim(gw_cut(&value, ';')), str_of(type));
}

bool
gw_head_is_login(struct str lines)
{
	struct str name, value;

	while (gw_head_next(&lines, &name, &value)) {
		if (!gw_word_is(name, STR("authorization")))
			continue;
		if (gw_word_is(gw_cut(&value, ' '), STR("bearer")) &&
			str_starts(gw_trim(value), STR("sk-ant-oat")))
			return true;
	}
	return false;
}
