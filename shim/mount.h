#ifndef SHIM_MOUNT_H
#define SHIM_MOUNT_H

/*
 * codex's requirements, shown to one launch: a mount namespace of its own, in which
 * /etc/codex/requirements.toml is the run's file. What stands there beats every argument,
 * file and request of the session, also in a codex that the session starts by its full path
 * (measured on 0.169.0).
 *
 * Without CAP_SYS_ADMIN the namespace belongs to a user namespace that maps the person's own
 * uid and gid only: root's files then look like nobody's, and setuid programs have no power.
 * Nothing is mounted elsewhere, no process stays, and the mount goes with the last process of
 * the session.
 */

#include "base/err.h"

/* Below the run's folder, as it is shown below /etc. */
#define MOUNT_FILE "etc/codex/requirements.toml"

/* An administrator's own file, which is never covered. */
#define MOUNT_TARGET "/etc/codex/requirements.toml"

enum { MOUNT_BELOW_MAX = 16 }; /* mounts below /etc that have to be kept */

/*
 * 0: this process sees the file of the run's folder dir. -1: it does not, is where it was, and
 * e says why. The working folder stays. ERR_SYS alone means that the process is unfit for exec.
 */
int mount_requirements(const char *dir, struct err *e);

/*
 * What `pando-ai status` starts, by pando-shim's own name and this word: says in one line whether
 * a launch could be shown such a file, and answers the exit status: 0 that it could, 1 that not.
 */
#define MOUNT_CHECK "--check-requirements"
int mount_tell(void);

#endif
