#include "tests/bench/wire/answer.h"

#include <stdlib.h>
#include <strings.h>

static bool
line_is(const struct answer *a, const char *name, const char **value)
{
	const size_t n = strlen(name);

	if (strncasecmp(a->line, name, n) != 0)
		return false;
	*value = a->line + n + strspn(a->line + n, " ");
	return true;
}

static enum answer_state
head_ended(struct answer *a)
{
	const int status = a->status;

	if (status < 100)
		return ANSWER_BAD;
	if (status < 200) {
		*a = (struct answer){ 0 };
		return ANSWER_HEAD;
	}
	if (a->chunked)
		return ANSWER_SIZE;
	if (!a->has_length)
		return ANSWER_BAD;
	return a->left > 0 ? ANSWER_LENGTH : ANSWER_DONE;
}

static enum answer_state
head_line(struct answer *a)
{
	const char *value;

	if (a->line[0] == '\0')
		return head_ended(a);
	if (line_is(a, "HTTP/1.1 ", &value)) {
		a->status = atoi(value);
	} else if (line_is(a, "content-length:", &value)) {
		a->left = strtoull(value, NULL, 10);
		a->has_length = true;
	} else if (line_is(a, "transfer-encoding:", &value)) {
		a->chunked = strncasecmp(value, "chunked", 7) == 0;
	} else if (line_is(a, "connection:", &value)) {
		a->closes = strncasecmp(value, "close", 5) == 0;
	}
	return ANSWER_HEAD;
}

static enum answer_state
line_ended(struct answer *a)
{
	switch (a->state) {
	case ANSWER_HEAD:
		return head_line(a);
	case ANSWER_SIZE:
		a->left = strtoull(a->line, NULL, 16);
		return a->left > 0 ? ANSWER_CHUNK : ANSWER_TRAILER;
	case ANSWER_CHUNK_END:
		return a->line[0] == '\0' ? ANSWER_SIZE : ANSWER_BAD;
	case ANSWER_TRAILER:
		return a->line[0] == '\0' ? ANSWER_DONE : ANSWER_TRAILER;
	case ANSWER_LENGTH:
	case ANSWER_CHUNK:
	case ANSWER_DONE:
	case ANSWER_BAD:
		break;
	}
	return ANSWER_BAD;
}

static void
take_line(struct answer *a, struct str *in)
{
	while (in->n > 0) {
		const char c = *in->p;

		*in = str_skip(*in, 1);
		if (c == '\n') {
			a->line[a->nline] = '\0';
			a->nline = 0;
			a->state = line_ended(a);
			return;
		}
		if (c != '\r' && a->nline < ANSWER_LINE - 1)
			a->line[a->nline++] = c;
	}
}

bool
answer_next(struct answer *a, struct str *in, struct str *piece)
{
	while (in->n > 0 && a->state != ANSWER_DONE && a->state != ANSWER_BAD) {
		if (a->state != ANSWER_LENGTH && a->state != ANSWER_CHUNK) {
			take_line(a, in);
			continue;
		}
		*piece = (struct str){ in->p, in->n < a->left ? in->n : (size_t)a->left };
		*in = str_skip(*in, piece->n);
		a->left -= piece->n;
		a->length += piece->n;
		if (a->left == 0)
			a->state = a->state == ANSWER_LENGTH ? ANSWER_DONE
							     : ANSWER_CHUNK_END;
		return true;
	}
	return false;
}

static bool
stamp_goes_on(struct stamp *s, char c)
{
	switch (s->at) {
	case 0:
		return c == '@';
	case 1:
		s->kind = c;
		s->time = 0;
		return c == 'T' || c == 'Z';
	case 2:
		return c == '=';
	case STAMP_TEXT - 1:
		return c == ';';
	default:
		s->time = s->time * 10 + (uint64_t)(c - '0');
		return c >= '0' && c <= '9';
	}
}

char
stamp_next(struct stamp *s, struct str *in, uint64_t *time)
{
	while (in->n > 0) {
		char c;

		if (s->at == 0) {
			const char *at = memchr(in->p, '@', in->n);

			*in = str_skip(*in, at == NULL ? in->n : (size_t)(at - in->p));
			if (at == NULL)
				return 0;
		}
		c = *in->p;
		*in = str_skip(*in, 1);
		s->at = stamp_goes_on(s, c) ? s->at + 1 : 0;
		if (s->at == STAMP_TEXT) {
			s->at = 0;
			*time = s->time;
			return s->kind;
		}
	}
	return 0;
}
