#include "gateway/sse.h"

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
 * Where the line that p begins ends, and where the next one begins. false: its end is not
 * there yet; *end then says from where to look again.
 */
static bool
find_line(struct str in, size_t p, bool finished, size_t *end, size_t *next)
{
	const size_t left = in.n - p;
	const char *const at = left > 0 ? in.p + p : in.p;
	const char *lf = left > 0 ? memchr(at, '\n', left) : NULL;
	const size_t before = lf != NULL ? (size_t)(lf - at) : left;
	const char *cr = before > 0 ? memchr(at, '\r', before) : NULL;

	*end = p + before;
	*next = *end + 1;
	if (cr == NULL)
		return lf != NULL;
	*end = (size_t)(cr - in.p);
	*next = *end + 1;
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

static void
read_field(struct sse *s, struct sse_event *ev, struct str line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct str name = line;
	struct str value = { line.p + line.n, 0 };

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
}

static int
hand_out(struct sse *s, size_t stop, struct sse_event *ev, struct err *e)
{
	const struct str raw = { s->in.p + s->start, stop - s->start };
	size_t end;
	size_t next;

	if (raw.n > s->max)
		return err_set(e, ERR_DATA, "an event is longer than %zu bytes", s->max);
	if (!s->begun && str_starts(raw, STR("\xef\xbb\xbf")))
		return err_set(
			e, ERR_DATA, "the event stream begins with a byte order mark");
	s->begun = true;
	*ev = (struct sse_event){ .raw = raw, .name = STR(""), .data = STR("") };
	for (size_t p = 0; p < raw.n; p = next) {
		if (!find_line(raw, p, true, &end, &next))
			break;
		if (end > p)
			read_field(s, ev, (struct str){ raw.p + p, end - p });
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
