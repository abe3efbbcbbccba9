#include "gateway/sse.h"

#include "base/log.h"

enum {
	LOOK_AT = 256,  /* bytes */
	KEPT_MAX = 4096 /* of memory, for the next event that comes in parts; bytes */
};

void
sse_init(struct sse *s, size_t event_max, struct quota *memory)
{
	*s = (struct sse){
		.part = BUF_IN(event_max, memory),
		.joined = BUF_INIT(event_max), /* not for long */
		.max = event_max,
	};
}

void
sse_fini(struct sse *s)
{
	buf_fini(&s->part);
	buf_fini(&s->joined);
}

void
sse_feed(struct sse *s, struct str bytes)
{
	s->in = bytes;
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
	if (n > 0 && (p[0] == '\n' || p[0] == '\r'))
		return 0;
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
static void
read_field(struct sse *s, struct sse_event *ev, struct str line)
{
	const bool is_data = str_starts(line, STR("data: "));
	const char *colon = is_data ? line.p + 4 : memchr(line.p, ':', line.n);
	struct str name = line;
	struct str value = { line.p + line.n, 0 };

	if (colon != NULL) {
		name.n = (size_t)(colon - line.p);
		value = str_skip(line, name.n + 1);
		if (value.n > 0 && value.p[0] == ' ')
			value = str_skip(value, 1);
	}
	if (str_eq(name, STR("data")))
		add_data(s, ev, value);
	else if (str_eq(name, STR("event")))
		ev->name = value;
	else if (name.n > 0 && !str_is(name, "id") && !str_is(name, "retry") &&
		 s->unknown.n == 0)
		s->unknown = name;
}

/*
 * Reads the lines of one event. Answers its length with the empty line; 0: that has not come,
 * and *line is where the first line begins that has not ended.
 */
static size_t
read_event(struct sse *s, struct str in, struct sse_event *ev, size_t *line)
{
	*ev = (struct sse_event){ .name = STR(""), .data = STR("") };
	s->unknown.n = 0;
	for (*line = 0;;) {
		const size_t n = line_length(in.p + *line, in.n - *line);
		const size_t end = *line + n;
		size_t next = end + 1;

		if (end == in.n || (in.p[end] == '\r' && next == in.n && !s->finished &&
					   !s->is_whole))
			return 0;
		if (in.p[end] == '\r' && next < in.n && in.p[next] == '\n')
			next++;
		if (n == 0) {
			ev->raw = (struct str){ in.p, next };
			return next;
		}
		read_field(s, ev, (struct str){ in.p + *line, n });
		*line = next;
	}
}

static void
move(struct sse *s, size_t n)
{
	if (n == 0)
		return;
	buf_put(&s->part, s->in.p, n);
	s->in = str_skip(s->in, n);
}

/* Adds line by line to the event of which a part has come: true when it is whole. */
static bool
complete(struct sse *s)
{
	for (;;) {
		if (s->after_cr) {
			if (s->in.n == 0 && !s->finished)
				return false;
			if (s->in.n > 0 && s->in.p[0] == '\n')
				move(s, 1);
			s->after_cr = false;
		} else {
			const size_t n = line_length(s->in.p, s->in.n);

			if (n == s->in.n) {
				move(s, n);
				return false;
			}
			s->is_empty = s->part.n + n == s->line;
			s->after_cr = s->in.p[n] == '\r';
			move(s, n + 1);
			if (s->after_cr)
				continue;
		}
		if (s->is_empty)
			return true;
		s->line = s->part.n;
	}
}

static void
forget_part(struct sse *s)
{
	s->is_whole = false;
	s->line = 0;
	if (s->part.cap > KEPT_MAX)
		buf_fini(&s->part);
	if (s->joined.cap > KEPT_MAX)
		buf_fini(&s->joined);
	buf_reset(&s->part);
}

static int
too_long(const struct sse *s, struct err *e)
{
	if (s->part.starved)
		return quota_refuse(s->part.quota, e);
	return err_set(e, ERR_DATA, "an event is longer than %zu bytes", s->max);
}

static int
hand_out(struct sse *s, const struct sse_event *ev, struct err *e)
{
	char quoted[LOG_QUOTED_MAX];

	if (ev->raw.n > s->max)
		return too_long(s, e);
	if (s->unknown.n > 0)
		return err_set(e, ERR_DATA,
			"a line of the event stream has a field that is not known: %s",
			log_quoted(s->unknown, quoted));
	return 1;
}

int
sse_next(struct sse *s, struct sse_event *ev, struct err *e)
{
	size_t n, line;

	if (s->is_whole)
		forget_part(s);
	if (s->part.n == 0) {
		if (s->in.n == 0)
			return 0;
		n = read_event(s, s->in, ev, &line);
		s->in = str_skip(s->in, n);
		if (n > 0)
			return hand_out(s, ev, e);
		/* what ends with a CR is read again when it is known what follows */
		move(s, line);
		s->line = line;
	}
	s->is_whole = complete(s);
	if (s->part.over)
		return too_long(s, e);
	if (!s->is_whole)
		return 0;
	(void)read_event(s, buf_str(&s->part), ev, &line); /* it is whole */
	return hand_out(s, ev, e);
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
