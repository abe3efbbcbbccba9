#ifndef TESTS_UNIT_LOGS_H
#define TESTS_UNIT_LOGS_H

/*
 * Scratch folders with decision logs. The runner checks every log that a suite leaves in
 * PANDO_TEST_LOGS, line by line against the schema and as a chain (tests/decision_logs.py).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/path.h"
#include "tests/unit/test.h"

static inline char *
logs_scratch(void)
{
	char dir[] = "/tmp/pando-log-XXXXXX";

	if (mkdtemp(dir) == NULL)
		abort();
	return mem_strdup(dir);
}

/* Gives the folder to the runner, if there is one. False: it is still ours to remove. */
static inline bool
logs_keep(const char *dir)
{
	const char *to = getenv("PANDO_TEST_LOGS");
	CLEANUP(mem_freep)
	char *kept = to == NULL ? NULL : path_join(to, path_base(dir));

	return kept != NULL && rename(dir, kept) == 0;
}

/*
 * The end of a scratch folder, freed. log: the name of a decision log in there that is to be
 * checked, NULL: there is none that is as it should be.
 */
static inline void
logs_gone(char *dir, const char *log)
{
	struct err e = ERR_INIT;

	if (log == NULL || !logs_keep(dir))
		ok_int(path_remove_tree(AT_FDCWD, dir, &e), 0, e.text);
	free(dir);
}

#endif
