#include "install/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/place.h"
#include "install/agents.h"
#include "policy/record.h"

enum { DIR_MODE = 0755, POLICY_MODE = 0600, EXAMPLE_MAX = 65536 };

static int
no_words(int argc, char **argv, struct err *e)
{
	if (argc == 1)
		return 0;
	return err_set(e, ERR_USAGE, "%s takes no '%s'", argv[0], argv[1]);
}

static int
record(const char *event, const char *what, struct err *e)
{
	CLEANUP(mem_freep) char *path = place_decision_log(e);
	const struct rec_who nobody = { NULL, NULL, NULL, NULL };
	struct rec r = REC_INIT;
	struct rec_log l;
	int done;

	if (path == NULL || rec_open(&l, path, NULL, e) < 0)
		return -1;
	r.event = event;
	r.layer = "installer";
	r.note = str_of(what);
	done = rec_write(&l, &nobody, &r, e);
	rec_close(&l);
	return done;
}

/* A link of ours may lead nowhere: the installation that it names has been moved or removed. */
static bool
is_our_link(const char *at)
{
	char target[PATH_MAX];
	const ssize_t n = readlink(at, target, sizeof target - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	return agent_is_shim(at) || strcmp(path_base(target), "pando-shim") == 0;
}

/* Links by a temporary name and a rename, so that there is never a moment without a shim. */
static int
make_shim(const char *bin, const char *shim, enum pol_agent a, struct err *e)
{
	CLEANUP(mem_freep) char *at = path_join(bin, pol_agent_name(a));
	CLEANUP(mem_freep) char *tmp = mem_printf("%s.%d.tmp", at, (int)getpid());
	struct stat st;

	if (lstat(at, &st) == 0 && !is_our_link(at))
		return err_set(e, ERR_REFUSED,
			"%s is not ours: move it away, then run 'pando-ai install' again",
			at);
	if (symlink(shim, tmp) < 0)
		return err_sys(e, "link %s", tmp);
	if (rename(tmp, at) < 0) {
		(void)err_sys(e, "link %s", at);
		(void)unlink(tmp); /* the rename error is the one to tell */
		return -1;
	}
	printf("  shim    %s\n", at);
	return record("installer_shim_made", at, e);
}

static int
make_shims(const char *bin, const char *shim, int *made, struct err *e)
{
	const char *path = getenv("PATH");

	*made = 0;
	for (int a = 0; a < POL_AGENTS; a++) {
		const char *name = pol_agent_name((enum pol_agent)a);
		bool first;
		CLEANUP(mem_freep)
		char *real = agent_find(
			(enum pol_agent)a, path == NULL ? "" : path, &first);

		if (real == NULL) {
			printf("  no %s on PATH: run 'pando-ai install' again when it is "
			       "there\n",
				name);
			continue;
		}
		printf("  %-7s %s\n", name, real);
		if (make_shim(bin, shim, (enum pol_agent)a, e) < 0)
			return -1;
		++*made;
	}
	return 0;
}

static int
make_policy(struct err *e)
{
	CLEANUP(mem_freep) char *at = place_policy(e);
	CLEANUP(mem_freep) char *example = place_share("policy.example.toml", e);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(EXAMPLE_MAX);
	struct stat st;

	if (at == NULL || example == NULL)
		return -1;
	if (lstat(at, &st) == 0) {
		printf("  policy  %s (kept as it is)\n", at);
		return 0;
	}
	if (path_read(example, &text, e) < 0 ||
		path_write(at, buf_str(&text), POLICY_MODE, e) < 0)
		return -1;
	printf("  policy  %s\n", at);
	return record("installer_policy_made", at, e);
}

int
command_install(int argc, char **argv, struct err *e)
{
	CLEANUP(mem_freep) char *bin = place_bin(e);
	CLEANUP(mem_freep) char *shim = place_program("pando-shim", e);
	int made;

	if (no_words(argc, argv, e) < 0 || bin == NULL || shim == NULL)
		return -1;
	if (path_mkdirs(bin, DIR_MODE, e) < 0 || make_shims(bin, shim, &made, e) < 0 ||
		make_policy(e) < 0)
		return err_wrap(e, "install");
	if (made == 0)
		return err_set(e, ERR_NOAGENT,
			"install: neither claude nor codex is on PATH: install one with npm, "
			"then run 'pando-ai install' again");
	printf("\nPut this line at the end of your shell's start file, then open a new "
	       "terminal:\n\n  export PATH=\"%s:$PATH\"\n",
		bin);
	return 0;
}

static int
remove_shim(const char *bin, enum pol_agent a, struct err *e)
{
	CLEANUP(mem_freep) char *at = path_join(bin, pol_agent_name(a));
	struct stat st;

	if (lstat(at, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at %s", at);
	if (!is_our_link(at))
		return err_set(
			e, ERR_REFUSED, "%s is not a link of ours: left alone", at);
	if (unlink(at) < 0)
		return err_sys(e, "remove %s", at);
	printf("  removed %s\n", at);
	return record("installer_shim_removed", at, e);
}

int
command_uninstall(int argc, char **argv, struct err *e)
{
	CLEANUP(mem_freep) char *bin = place_bin(e);

	if (no_words(argc, argv, e) < 0 || bin == NULL)
		return -1;
	for (int a = 0; a < POL_AGENTS; a++)
		if (remove_shim(bin, (enum pol_agent)a, e) < 0)
			return err_wrap(e, "uninstall");
	if (rmdir(bin) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return err_sys(e, "remove %s", bin);
	puts("Your policy, snapshots and decision log are kept in ~/.pando and ~/.pando-data.");
	return 0;
}
