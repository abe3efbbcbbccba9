#ifndef SANDBOX_PLAN_H
#define SANDBOX_PLAN_H

/*
 * What the sandbox is made of, as the words of bwrap's command line and environment. Pure:
 * the same input gives the same words, which the tests compare as text.
 *
 * Namespaces: user (no more inside), pid, net (loopback alone), ipc, uts, cgroup. Mounts: an empty
 * root, /usr read-only and the links into it, chosen files of /etc, a small /dev, /proc,
 * home, /tmp and caches from the state folder, and the project at its own path with its
 * guarded names read-only over it. Nothing else of the host is there.
 *
 * Descriptors are named by number; bwrap closes each after it has mounted it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "sandbox/guard.h"

#define PLAN_AT "/run/pando"
#define PLAN_SELF PLAN_AT "/sandbox"
#define PLAN_PROGRAM PLAN_AT "/program"
#define PLAN_POLICY PLAN_AT "/policy"
#define PLAN_CACHE PLAN_AT "/cache"

enum { PLAN_TOPS_MAX = 6, PLAN_ETC_MAX = 64, PLAN_WORDS_MAX = 4096, PLAN_ENV_MAX = 64 };

extern const char *const plan_top_names[PLAN_TOPS_MAX]; /* "/bin", "/lib" ... */

struct plan_fds {
	int root, home, tmp, cache;
	int self, program; /* program -1: none, a probe */
	int policy;        /* -1: none */
	int passwd, group, hosts, nsswitch, seccomp, sync;
};

struct plan_in {
	const char *root;
	/* The link's text; "": it is a directory; NULL: it is not there. */
	char *const *tops;
	char *const *etc; /* absolute paths that exist */
	size_t netc;
	bool nix;
	const struct guards *guards;
	struct plan_fds fd;
	char *const *program; /* PROGRAM ARG... NULL; empty for a probe */
	const int *keep;
	size_t nkeep;
	char *const *caller_env;
	bool is_root_user;
};

struct plan {
	char **argv, **env; /* each ended by NULL */
	size_t nargv, nenv;
};

int plan_make(struct plan *p, const struct plan_in *in, struct err *e);
void plan_fini(struct plan *p);

/* The password and group files inside, yours. */
char *plan_passwd(uid_t uid, gid_t gid, const char *root);
char *plan_group(gid_t gid);
/* Where HOME is inside. */
const char *plan_home(const char *root);

#endif
