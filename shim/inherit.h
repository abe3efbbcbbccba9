#ifndef SHIM_INHERIT_H
#define SHIM_INHERIT_H

/*
 * What a process inherits and keeps through exec: the launch puts aside what would disturb it,
 * and gives it back to the agent. Everything else it leaves alone.
 *
 *   descriptors 0 to 2   one that is closed would become the first file that is opened, and
 *                        what is printed would end up in that; so its number is taken until
 *                        exec by something that can neither be read nor written
 *   umask                would decide whether the run's files can be read again
 *   SIGCHLD ignored      the kernel then buries children, and how they ended is not told
 *   SIGXFSZ, SIGPIPE     would end a launch or a hook without a word: both are errors to tell
 */

#include <signal.h>
#include <sys/types.h>

enum { INHERIT_SIGNALS = 3 };

struct inherit {
	mode_t mask;
	struct sigaction was[INHERIT_SIGNALS];
};

/* Once, first of all. */
void inherit_take(struct inherit *i);
/* Right before exec. */
void inherit_give_back(const struct inherit *i);

#endif
