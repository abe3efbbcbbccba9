#include "gateway/h1.h"

#include "gateway/word.h"

enum {
	BAD_REQUEST = 400,
	TARGET_TOO_LONG = 414,
	EXPECTATION_FAILED = 417,
	HEAD_TOO_LONG = 431,
	NOT_IMPLEMENTED = 501,
	OTHER_VERSION = 505
};

enum { STATUS_FIRST = 100, STATUS_FINAL = 200, NO_CONTENT = 204, NOT_MODIFIED = 304 };

/* --- bytes ------------------------------------------------------------------------ */

enum { T = 1, V = 2, G = 4 }; /* of a token, of a value, with a glyph (VCHAR) */

static const uint8_t kinds[256] = {
	['\t'] = V,
	[' '] = V,
	['!'] = T | V | G,
	['"'] = V | G,
	['#' ... '\''] = T | V | G,
	['(' ... ')'] = V | G,
	['*' ... '+'] = T | V | G,
	[','] = V | G,
	['-' ... '.'] = T | V | G,
	['/'] = V | G,
	['0' ... '9'] = T | V | G,
	[':' ... '@'] = V | G,
	['A' ... 'Z'] = T | V | G,
	['[' ... ']'] = V | G,
	['^' ... 'z'] = T | V | G,
	['{'] = V | G,
	['|'] = T | V | G,
	['}'] = V | G,
	['~'] = T | V | G,
	[0x80 ... 0xff] = V,
};

static bool
is_all(struct str s, uint8_t kind)
{
	for (size_t i = 0; i < s.n; i++)
		if ((kinds[(unsigned char)s.p[i]] & kind) == 0)
			return false;
	return true;
}

bool
h1_is_token(struct str s)
{
	return s.n > 0 && is_all(s, T);
}

bool
h1_is_value(struct str s)
{
	return is_all(s, V);
}

/* --- the start line ----------------------------------------------------------------- */

static enum h1_got
bad(struct h1 *h, int status, const char *why)
{
	h->refusal = status;
	h->why = why;
	return H1_BAD;
}

static bool
is_http(struct str s)
{
	return s.n == sizeof "HTTP/1.1" - 1 && str_starts(s, STR("HTTP/")) &&
	       s.p[5] >= '0' && s.p[5] <= '9' && s.p[6] == '.' && s.p[7] >= '0' &&
	       s.p[7] <= '9';
}

/* method SP target SP version (RFC 9112, 3) */
static enum h1_got
request_line(struct h1 *h, struct str line)
{
	const struct str method = gw_cut(&line, ' ');
	const struct str target = gw_cut(&line, ' ');

	if (!h1_is_token(method) || method.n > H1_METHOD_MAX)
		return bad(h, BAD_REQUEST, "the request line begins with no method");
	if (target.n == 0 || !is_all(target, G))
		return bad(h, BAD_REQUEST, "the target of the request is malformed");
	if (!is_http(line))
		return bad(h, BAD_REQUEST, "the request line ends with no HTTP version");
	if (!str_is(line, "HTTP/1.1"))
		return bad(h, OTHER_VERSION, "only HTTP/1.1 is spoken here");
	if (target.p[0] != '/')
		return bad(h, BAD_REQUEST,
			"the target of the request is not a path: this is no proxy");
	h->private.method = (uint16_t)method.n;
	h->private.target = (uint16_t)target.n;
	return H1_MORE;
}

/* version SP 3DIGIT [ SP reason ] (RFC 9112, 4) */
static enum h1_got
status_line(struct h1 *h, struct str line)
{
	const struct str version = gw_cut(&line, ' ');
	const struct str code = { line.p, line.n < 3 ? line.n : 3 };

	if (!is_http(version) || version.p[5] != '1' || version.p[7] > '1')
		return bad(h, BAD_REQUEST, "the answer is not of HTTP/1.1");
	h->private.old = version.p[7] == '0';
	h->status = 0;
	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] < '0' || code.p[i] > '9')
			return bad(h, BAD_REQUEST, "the answer's status is malformed");
		h->status = h->status * 10 + (code.p[i] - '0');
	}
	line = str_skip(line, code.n);
	if (h->status < STATUS_FIRST || (line.n > 0 && line.p[0] != ' ') ||
		!h1_is_value(line))
		return bad(h, BAD_REQUEST, "the answer's status line is malformed");
	return H1_MORE;
}

/* --- fields ------------------------------------------------------------------------ */

static enum h1_got
content_length(struct h1 *h, struct str value)
{
	if (h->private.has_length)
		return bad(h, BAD_REQUEST, "there is more than one Content-Length");
	if (value.n == 0 || value.n > H1_SIZE_DIGITS)
		return bad(h, BAD_REQUEST, "Content-Length is not a number of bytes");
	h->private.has_length = true;
	h->length = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return bad(h, BAD_REQUEST,
				"Content-Length is not a number of bytes");
		h->length = h->length * 10 + (uint64_t)(value.p[i] - '0');
	}
	return H1_MORE;
}

static enum h1_got
transfer_encoding(struct h1 *h, struct str value)
{
	if (h->private.is_chunked)
		return bad(h, BAD_REQUEST, "there is more than one Transfer-Encoding");
	if (!gw_word_is(value, STR("chunked")))
		return bad(h, NOT_IMPLEMENTED,
			"the only Transfer-Encoding that is understood is chunked");
	h->private.is_chunked = true;
	return H1_MORE;
}

static void
connection(struct h1 *h, struct str value)
{
	while (value.n > 0) {
		const struct str word = gw_trim(gw_cut(&value, ','));

		h->private.says_close |= gw_word_is(word, STR("close"));
	}
}

static void
host(struct h1 *h, struct str value, const char *base)
{
	if (h->private.hosts < 2)
		h->private.hosts++;
	h->private.host = (uint32_t)(value.p - base);
	h->private.nhost = (uint32_t)value.n;
}

static enum h1_got
meaning(struct h1 *h, struct str name, struct str value, const char *base)
{
	if (gw_word_is(name, STR("content-length")))
		return content_length(h, value);
	if (gw_word_is(name, STR("transfer-encoding")))
		return transfer_encoding(h, value);
	if (gw_word_is(name, STR("connection")))
		connection(h, value);
	else if (h->private.answer)
		return H1_MORE;
	else if (gw_word_is(name, STR("host")))
		host(h, value, base);
	else if (gw_word_is(name, STR("expect"))) {
		if (!gw_word_is(value, STR("100-continue")))
			return bad(h, EXPECTATION_FAILED,
				"what Expect asks for is not known");
		h->expects = true;
	}
	return H1_MORE;
}

static enum h1_got
field_line(struct h1 *h, struct str line, const char *base)
{
	struct str value = line, name;

	if (gw_is_blank(line.p[0]))
		return bad(h, BAD_REQUEST,
			h->private.fields == 0
				? "white space stands before the first field"
				: "a field is folded over more than one line");
	if (memchr(line.p, ':', line.n) == NULL)
		return bad(h, BAD_REQUEST, "a field has no colon");
	name = gw_cut(&value, ':');
	if (!h1_is_token(name))
		return bad(h, BAD_REQUEST, "the name of a field is malformed");
	if (!h1_is_value(value))
		return bad(h, BAD_REQUEST, "a field has a control byte in its value");
	if (++h->private.fields > H1_FIELDS_MAX)
		return bad(h, HEAD_TOO_LONG, "there are too many fields");
	return meaning(h, name, gw_trim(value), base);
}

/* --- the whole head ----------------------------------------------------------------- */

/* RFC 9112, 6.3 */
static enum h1_got
framing(struct h1 *h)
{
	const bool length = h->private.has_length, chunked = h->private.is_chunked;
	const bool answer = h->private.answer;

	if (length && chunked)
		return bad(h, BAD_REQUEST,
			"Content-Length and Transfer-Encoding contradict each other");
	if (chunked && h->private.old)
		return bad(h, BAD_REQUEST, "an answer of HTTP/1.0 cannot be chunked");
	if (answer && (h->private.bodiless || h->status < STATUS_FINAL ||
			      h->status == NO_CONTENT || h->status == NOT_MODIFIED))
		h->framing = H1_NO_BODY;
	else if (chunked)
		h->framing = H1_CHUNKED;
	else if (length)
		h->framing = H1_LENGTH;
	else
		h->framing = answer ? H1_UNTIL_CLOSE : H1_NO_BODY;
	h->keep_alive = !h->private.says_close && !h->private.old &&
			h->framing != H1_UNTIL_CLOSE;
	return H1_DONE;
}

static enum h1_got
end_of_head(struct h1 *h, const char *base)
{
	const char *first = base + h->private.first;

	if (!h->private.answer) {
		if (h->private.hosts != 1)
			return bad(h, BAD_REQUEST,
				h->private.hosts == 0 ? "there is no Host"
						      : "there is more than one Host");
		h->method = (struct str){ first, h->private.method };
		h->target = (struct str){ first + h->method.n + 1, h->private.target };
		h->host = (struct str){ base + h->private.host, h->private.nhost };
	}
	h->lines = (struct str){ base + h->private.begin,
		h->private.end - h->private.begin };
	return framing(h);
}

/* A line without its CRLF. */
static enum h1_got
take_line(struct h1 *h, struct str line, uint32_t next, const char *base)
{
	if (!h->private.has_start) {
		if (line.n == 0 && !h->private.has_empty && !h->private.answer) {
			h->private.has_empty = true;
			return H1_MORE;
		}
		h->private.has_start = true;
		h->private.first = (uint32_t)(line.p - base);
		h->private.begin = h->private.end = next;
		return h->private.answer ? status_line(h, line) : request_line(h, line);
	}
	if (line.n == 0) {
		h->size = next;
		return end_of_head(h, base);
	}
	h->private.end = next;
	return field_line(h, line, base);
}

/* Of a line that has begun, n bytes are there, its CR among them. */
static enum h1_got
check_length(struct h1 *h, size_t n)
{
	const size_t left = H1_HEAD_MAX - h->private.line;
	const size_t max = (h->private.has_start ? H1_FIELD_MAX : H1_LINE_MAX) + 1;

	if (n <= max && n < left)
		return H1_MORE;
	if (left <= max)
		return bad(h, HEAD_TOO_LONG, "the fields are too long");
	return h->private.has_start
		       ? bad(h, HEAD_TOO_LONG, "a field is too long")
		       : bad(h, TARGET_TOO_LONG, "the first line is too long");
}

enum h1_got
h1_head(struct h1 *h, struct str all)
{
	enum h1_got got = H1_MORE;

	while (got == H1_MORE) {
		const char *from = all.p + h->private.line;
		const size_t old = h->private.seen - h->private.line;
		const size_t n = all.n - h->private.line;
		const char *lf = n > old ? memchr(from + old, '\n', n - old) : NULL;
		/* the line with its CR, as far as it is there */
		const struct str line = { from, lf != NULL ? (size_t)(lf - from) : n };

		if (check_length(h, line.n) == H1_BAD)
			return H1_BAD;
		h->private.seen = h->private.line + (uint32_t)line.n;
		if (lf == NULL)
			return H1_MORE;
		if (line.n == 0 || line.p[line.n - 1] != '\r')
			return bad(h, BAD_REQUEST, "a line ends without CR");
		h->private.seen++;
		got = take_line(
			h, (struct str){ from, line.n - 1 }, h->private.seen, all.p);
		h->private.line = h->private.seen;
	}
	return got;
}

void
h1_request_init(struct h1 *h)
{
	*h = (struct h1){ 0 };
}

void
h1_answer_init(struct h1 *h, bool to_head)
{
	*h = (struct h1){ .private = { .answer = true, .bodiless = to_head } };
}

/* --- a chunked body ----------------------------------------------------------------- */

enum {
	SIZE,      /* chunk-size */
	EXTENSION, /* chunk-ext, to the CR */
	SIZE_LF,
	BODY,
	BODY_CR,
	BODY_LF,
	LINE,  /* a trailer line, or the CR of the last one */
	NAME,  /* of a trailer */
	FIELD, /* its value */
	FIELD_LF,
	LAST_LF,
	OVER
};

static enum h1_got
bad_chunk(struct h1_chunks *c, const char *why)
{
	c->why = why;
	return H1_BAD;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | ('a' - 'A'));
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum h1_got
size_byte(struct h1_chunks *c, char b)
{
	const int digit = hex(b);

	if (++c->line > H1_CHUNK_LINE_MAX + 1)
		return bad_chunk(c, "the line of a chunk's size is too long");
	if (c->state == EXTENSION) {
		if (b == '\r')
			c->state = SIZE_LF;
		else if ((kinds[(unsigned char)b] & V) == 0)
			return bad_chunk(c, "a chunk's extension has a control byte");
		return H1_MORE;
	}
	if (digit >= 0) {
		if (++c->digits > H1_SIZE_DIGITS)
			return bad_chunk(c, "a chunk is too large");
		c->left = c->left * 16 + (uint64_t)digit;
		return H1_MORE;
	}
	if (c->digits == 0 || (b != '\r' && b != ';'))
		return bad_chunk(c, "a chunk's size is malformed");
	c->state = b == ';' ? EXTENSION : SIZE_LF;
	return H1_MORE;
}

static enum h1_got
trailer_byte(struct h1_chunks *c, char b)
{
	const uint8_t kind = kinds[(unsigned char)b];

	if (++c->trailers > H1_TRAILERS_MAX)
		return bad_chunk(c, "the trailers are too long");
	if (c->state == LINE && b == '\r') {
		c->state = LAST_LF;
	} else if (c->state == FIELD) {
		if (b == '\r')
			c->state = FIELD_LF;
		else if ((kind & V) == 0)
			return bad_chunk(c, "a trailer has a control byte");
	} else if (c->state == NAME && b == ':') {
		c->state = FIELD;
	} else if ((kind & T) != 0) {
		c->state = NAME;
	} else {
		return bad_chunk(c, "a trailer is malformed");
	}
	return H1_MORE;
}

/* A CR or LF that must stand here. */
static enum h1_got
line_end(struct h1_chunks *c, char b)
{
	if (b != (c->state == BODY_CR ? '\r' : '\n'))
		return bad_chunk(c, "a line of the chunked body ends without CR LF");
	if (c->state == BODY_CR) {
		c->state = BODY_LF;
	} else if (c->state == BODY_LF) {
		c->state = SIZE;
		c->line = c->digits = 0;
	} else if (c->state == SIZE_LF) {
		c->state = c->left > 0 ? BODY : LINE;
	} else {
		c->state = c->state == FIELD_LF ? LINE : OVER;
		if (++c->trailers > H1_TRAILERS_MAX)
			return bad_chunk(c, "the trailers are too long");
	}
	return H1_MORE;
}

static enum h1_got
one_byte(struct h1_chunks *c, char b)
{
	if (c->state == SIZE || c->state == EXTENSION)
		return size_byte(c, b);
	if (c->state == LINE || c->state == NAME || c->state == FIELD)
		return trailer_byte(c, b);
	return line_end(c, b);
}

enum h1_got
h1_chunk(struct h1_chunks *c, struct str *in, struct str *data)
{
	*data = (struct str){ in->p, 0 };
	while (in->n > 0 && c->state != OVER) {
		if (c->state == BODY) {
			data->p = in->p;
			data->n = in->n < c->left ? in->n : (size_t)c->left;
			*in = str_skip(*in, data->n);
			c->left -= data->n;
			if (c->left == 0)
				c->state = BODY_CR;
			return H1_DATA;
		}
		if (one_byte(c, in->p[0]) == H1_BAD)
			return H1_BAD;
		*in = str_skip(*in, 1);
	}
	return c->state == OVER ? H1_DONE : H1_MORE;
}
