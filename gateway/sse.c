#include "gateway/sse.h"

#include "base/log.h"

enum { LOOK_AT = 256 }; /* bytes */

void
sse_init(struct sse *s, size_t event_max)
{
	*s = (struct sse){
		.in = BUF_INIT(event_max + SSE_PIECE_MAX),
		.joined = BUF_INIT(event_max),
		.max = event_max,
	};
}

void
sse_fini(struct sse *s)
{
	buf_fini(&s->in);
	buf_fini(&s->joined);
}

void
sse_feed(struct sse *s, struct str bytes)
{
	buf_drop_front(&s->in, s->start);
	s->line -= s->start;
	s->pos -= s->start;
	s->start = 0;
	buf_put_str(&s->in, bytes);
}

void
sse_finish(struct sse *s)
{
	s->finished = true;
}

/*
 * How many bytes come before the first LF or CR. In steps, since a stream whose lines all end
 * in one of them must not be searched to its end for the other at every line.
 */
static size_t
line_length(const char *p, size_t n)
{
	for (size_t at = 0; at < n; at += LOOK_AT) {
		const size_t step = n - at < LOOK_AT ? n - at : LOOK_AT;
		const char *lf = memchr(p + at, '\n', step);
		const size_t before = lf != NULL ? (size_t)(lf - (p + at)) : step;
		const char *cr = before > 0 ? memchr(p + at, '\r', before) : NULL;

		if (cr != NULL)
			return (size_t)(cr - p);
		if (lf != NULL)
			return (size_t)(lf - p);
	}
	return n;
}

/*
 * Where the line that p begins ends, and where the next one begins. false: its end is not
 * there yet; *end then says from where to look again.
 */
static bool
find_line(struct str in, size_t p, bool finished, size_t *end, size_t *next)
{
	*end = p < in.n ? p + line_length(in.p + p, in.n - p) : in.n;
	*next = *end + 1;
	if (*end == in.n)
		return false;
	if (in.p[*end] == '\n')
		return true;
	if (*next == in.n)
		return finished;
	if (in.p[*next] == '\n')
		++*next;
	return true;
}

static void
add_data(struct sse *s, struct sse_event *ev, struct str value)
{
	if (!ev->has_data) {
		ev->data = value;
		ev->has_data = ev->in_raw = true;
		return;
	}
	if (ev->in_raw) {
		buf_reset(&s->joined);
		buf_put_str(&s->joined, ev->data);
		ev->in_raw = false;
	}
	buf_putc(&s->joined, '\n');
	buf_put_str(&s->joined, value);
	ev->data = buf_str(&s->joined);
}

/*
 * The standard lets a reader skip fields that it does not know. But claude takes a byte order
 * mark off every line, so what is skipped here may be read there.
 */
static int
read_field(struct sse *s, struct sse_event *ev, struct str line, struct err *e)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct str name = line;
	struct str value = { line.p + line.n, 0 };
	char quoted[LOG_QUOTED_MAX];

	if (colon != NULL) {
		name.n = (size_t)(colon - line.p);
		value = str_skip(line, name.n + 1);
		if (value.n > 0 && value.p[0] == ' ')
			value = str_skip(value, 1);
	}
	if (str_is(name, "event"))
		ev->name = value;
	else if (str_is(name, "data"))
		add_data(s, ev, value);
	else if (name.n > 0 && !str_is(name, "id") && !str_is(name, "retry"))
		return err_set(e, ERR_DATA,
			"a line of the event stream has a field that is not known: %s",
			log_quoted(name, quoted));
	return 0;
}

static int
hand_out(struct sse *s, size_t stop, struct sse_event *ev, struct err *e)
{
	const struct str raw = { s->in.p + s->start, stop - s->start };
	size_t end;
	size_t next;

	if (raw.n > s->max)
		return err_set(e, ERR_DATA, "an event is longer than %zu bytes", s->max);
	*ev = (struct sse_event){ .raw = raw, .name = STR(""), .data = STR("") };
	for (size_t p = 0; p < raw.n; p = next) {
		if (!find_line(raw, p, true, &end, &next))
			break;
		if (end > p &&
			read_field(s, ev, (struct str){ raw.p + p, end - p }, e) < 0)
			return -1;
	}
	s->start = s->line = s->pos = stop;
	return 1;
}

int
sse_next(struct sse *s, struct sse_event *ev, struct err *e)
{
	size_t end;
	size_t next;

	while (find_line(buf_str(&s->in), s->pos, s->finished, &end, &next)) {
		const bool empty = end == s->line;

		s->line = s->pos = next;
		if (empty)
			return hand_out(s, next, ev, e);
	}
	s->pos = end < s->in.n ? end : s->in.n;
	if (s->in.n - s->start > s->max || s->in.over)
		return err_set(e, ERR_DATA, "an event is longer than %zu bytes", s->max);
	return 0;
}

void
sse_put(struct buf *out, struct str name, struct str data)
{
	if (name.n > 0) {
		buf_puts(out, "event: ");
		buf_put_str(out, name);
		buf_putc(out, '\n');
	}
	for (;;) {
		const char *lf = data.n > 0 ? memchr(data.p, '\n', data.n) : NULL;
		const size_t n = lf != NULL ? (size_t)(lf - data.p) : data.n;

		buf_puts(out, "data: ");
		buf_put(out, data.p, n);
		buf_putc(out, '\n');
		if (lf == NULL)
			break;
		data = str_skip(data, n + 1);
	}
	buf_putc(out, '\n');
}
