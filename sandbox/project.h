#ifndef SANDBOX_PROJECT_H
#define SANDBOX_PROJECT_H

/*
 * The project root: opened once, without following a link, and from then on named by its
 * descriptor. Refused are what is not a canonical absolute path, "/", system folders, homes
 * and what holds them, our own folders, what is not the caller's, what all may write.
 */

#include "base/err.h"

struct project {
	const char *path; /* canonical, borrowed */
	int fd;           /* O_PATH */
};

int project_open(struct project *p, const char *path, struct err *e);
void project_close(struct project *p);

/*
 * The words of the refusal, or NULL when the path itself is fine. Pure: homes are canonical
 * paths of the person's home, ended by NULL.
 */
const char *project_path_fault(const char *path, const char *const *homes);

#endif
