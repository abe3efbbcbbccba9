#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * One error: what was attempted, with what, and why not.
 *
 * The callee names the fact, each caller adds what only it knows, the top prints once.
 * The code says what kind of failure it is and so which exit status the program ends with
 * (the table is part of each program's page).
 */

#include <stddef.h>

enum err_code {
	ERR_NONE,
	ERR_USAGE,   /* the command line is wrong                                 64 */
	ERR_DATA,    /* input could not be understood                             65 */
	ERR_GATEWAY, /* the gateway cannot be reached or started                  69 */
	ERR_SYS,     /* the operating system refused                              71 */
	ERR_SPACE,   /* a file could not be written: disk full, no permission     73 */
	ERR_SANDBOX, /* the sandbox cannot be set up                              75 */
	ERR_REFUSED, /* policy or safety forbids it                               77 */
	ERR_POLICY,  /* the policy file is wrong or unreadable                    78 */
	ERR_NOAGENT, /* the agent is not installed                               127 */
	ERR_CODES
};

enum { ERR_TEXT_MAX = 2048 };

struct err {
	enum err_code code;
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT                                                                         \
	{                                                                                \
		.code = ERR_NONE                                                         \
	}

/* All three answer -1, so that a caller can return them. A text that is too long is cut. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends the reason of errno, and leaves errno as it was. ENOSPC, EDQUOT and EROFS become ERR_SPACE. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "<context>: " in front of what is there; keeps the code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends "; <what to do>". */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int err_exit_status(const struct err *e);

#endif
