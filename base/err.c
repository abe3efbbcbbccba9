#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(
		e->text, sizeof e->text, fmt, ap); /* a cut message is still one */
	va_end(ap);
	return -1;
}

static enum err_code
code_of_errno(int no)
{
	return no == ENOSPC || no == EDQUOT || no == EROFS ? ERR_SPACE : ERR_SYS;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	const int no = errno;
	va_list ap;
	size_t n;

	e->code = code_of_errno(no);
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	(void)snprintf(e->text + n, sizeof e->text - n, ": %s", strerror(no));
	errno = no; /* for callers who tell one reason from another */
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char was[ERR_TEXT_MAX];
	va_list ap;
	size_t n;

	memcpy(was, e->text, sizeof was);
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	(void)snprintf(e->text + n, sizeof e->text - n, ": %s", was);
	return -1;
}

int
err_hint(struct err *e, const char *fmt, ...)
{
	const size_t n = strlen(e->text);
	va_list ap;

	(void)snprintf(e->text + n, sizeof e->text - n, "; ");
	va_start(ap, fmt);
	(void)vsnprintf(
		e->text + strlen(e->text), sizeof e->text - strlen(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
err_exit_status(const struct err *e)
{
	static const int status[ERR_CODES] = {
		[ERR_NONE] = 0,
		[ERR_USAGE] = 64,
		[ERR_DATA] = 65,
		[ERR_GATEWAY] = 69,
		[ERR_SYS] = 71,
		[ERR_SPACE] = 73,
		[ERR_SANDBOX] = 75,
		[ERR_REFUSED] = 77,
		[ERR_POLICY] = 78,
		[ERR_NOAGENT] = 127,
	};

	return status[e->code];
}
