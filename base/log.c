#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"

enum { LOG_LINE_MAX = ERR_TEXT_MAX + 128 };

static const char *prog = "pando-ai";

void
log_name(const char *program)
{
	prog = program;
}

/* Names of files are in it: none may end the line or speak to the terminal. */
static void
make_harmless(char *z)
{
	while (*z != '\0') {
		const struct str rest = str_of(z);
		const size_t k = utf8_len(rest);
		const size_t n = k > 0 ? k : 1;

		if (*z != '\t' && utf8_shown_len(rest) == 0)
			memset(z, '?', n);
		z += n;
	}
}

static void
put_line(const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX];
	const int head = snprintf(line, sizeof line, "%s: ", prog);
	size_t n;

	(void)vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, ap);
	make_harmless(line);
	n = strlen(line);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* standard error is gone: there is nobody to tell */
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (getenv("PANDO_DEBUG") == NULL)
		return;
	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
}

int
log_fail(const struct err *e)
{
	log_error("%s", e->text);
	return err_exit_status(e);
}

static size_t
put_escaped(struct str s, size_t n, size_t o, char out[LOG_QUOTED_MAX])
{
	for (size_t i = 0; i < n; i++)
		o += (size_t)snprintf(
			out + o, LOG_QUOTED_MAX - o, "\\x%02x", (unsigned char)s.p[i]);
	return o;
}

const char *
log_quoted(struct str s, char out[LOG_QUOTED_MAX])
{
	enum { ROOM = 16 }; /* the longest escapes and the closing "..." */
	size_t o = 0;

	while (s.n > 0 && o < LOG_QUOTED_MAX - ROOM) {
		const char c = s.p[0];
		const size_t k = utf8_len(s);

		if (utf8_shown_len(s) == 0 || c == '"' || c == '\\')
			o = put_escaped(s, k > 0 ? k : 1, o, out);
		else
			for (size_t i = 0; i < k; i++)
				out[o++] = s.p[i];
		s = str_skip(s, k > 0 ? k : 1);
	}
	(void)snprintf(out + o, LOG_QUOTED_MAX - o, "%s", s.n > 0 ? "..." : "");
	return out;
}
