/* The plan, word for word: for fixed facts of a host bwrap's arguments are this text. */

#include "tests/unit/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "sandbox/plan.h"

enum { TEXT_MAX = 1 << 16 };

static char *const no_words[] = { NULL };
static char *const tops[PLAN_TOPS_MAX] = { (char[]){ "usr/bin" }, (char[]){ "usr/sbin" },
	(char[]){ "usr/lib" }, NULL, (char[]){ "" }, NULL };
static char *const etc[] = { (char[]){ "/etc/ld.so.cache" },
	(char[]){ "/etc/ssl/certs" } };
static const struct guards two_guards = { .n = 3,
	.at = { { ".git", 20, false }, { ".git/hooks", 21, true },
		{ ".claude", 22, true } } };
static const struct plan_fds fds = { .root = 3,
	.home = 4,
	.tmp = 5,
	.cache = 6,
	.self = 7,
	.program = 8,
	.policy = 9,
	.passwd = 10,
	.group = 11,
	.hosts = 12,
	.nsswitch = 13,
	.seccomp = 14,
	.sync = 15 };

static char *const program[] = { (char[]){ "/opt/x/pando-mcp" },
	(char[]){ "--project-root" }, (char[]){ "/home/u/p" }, NULL };
static const int keep[] = { 16 };

static struct plan_in
usual(void)
{
	return (struct plan_in){ .root = "/home/u/p",
		.tops = tops,
		.etc = etc,
		.netc = LEN(etc),
		.guards = &two_guards,
		.fd = fds,
		.program = program,
		.keep = keep,
		.nkeep = LEN(keep),
		.caller_env = no_words };
}

/* One option a line, so that a difference can be read. */
static char *
text_of(char *const *words)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(TEXT_MAX);

	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			buf_putc(&b, strncmp(words[i], "--", 2) == 0 ? '\n' : ' ');
		buf_puts(&b, words[i]);
	}
	return buf_take(&b);
}

static char *
argv_of(const struct plan_in *in)
{
	CLEANUP(plan_fini) struct plan p = { .argv = NULL };
	struct err e = ERR_INIT;

	ok_int(plan_make(&p, in, &e), 0, e.text);
	return text_of(p.argv);
}

static char *
env_of(const struct plan_in *in)
{
	CLEANUP(plan_fini) struct plan p = { .argv = NULL };
	struct err e = ERR_INIT;

	ok_int(plan_make(&p, in, &e), 0, e.text);
	return text_of(p.env);
}

static const char golden[] =
	"bwrap\n--unshare-user\n--disable-userns\n--unshare-pid\n--unshare-net\n"
	"--unshare-ipc\n--unshare-uts\n--unshare-cgroup\n--hostname sandbox\n"
	"--die-with-parent\n--new-session\n--cap-drop ALL\n"
	"--size 16777216\n--perms 0755\n--tmpfs /\n"
	"--ro-bind /usr /usr\n--symlink usr/bin /bin\n--symlink usr/sbin /sbin\n"
	"--symlink usr/lib /lib\n--ro-bind /lib64 /lib64\n"
	"--ro-bind /etc/ld.so.cache /etc/ld.so.cache\n"
	"--ro-bind /etc/ssl/certs /etc/ssl/certs\n"
	"--ro-bind-data 10 /etc/passwd\n--ro-bind-data 11 /etc/group\n"
	"--ro-bind-data 12 /etc/hosts\n--ro-bind-data 13 /etc/nsswitch.conf\n"
	"--dev /dev\n--size 268435456\n--perms 1777\n--tmpfs /dev/shm\n"
	"--remount-ro /dev\n--proc /proc\n"
	"--ro-bind-fd 7 /run/pando/sandbox\n--ro-bind-fd 8 /run/pando/program\n"
	"--ro-bind-data 9 /run/pando/policy\n--bind-fd 6 /run/pando/cache\n"
	"--bind-fd 4 /home/sandbox\n--bind-fd 5 /tmp\n"
	"--bind-fd 3 /home/u/p\n--bind-fd 20 /home/u/p/.git\n"
	"--ro-bind-fd 21 /home/u/p/.git/hooks\n--ro-bind-fd 22 /home/u/p/.claude\n"
	"--size 4096\n--perms 0555\n--tmpfs /home/u/p/.pando-sandbox\n"
	"--remount-ro /home/u/p/.pando-sandbox\n"
	"--remount-ro /\n--chdir /home/u/p\n--seccomp 14\n--sync-fd 15\n"
	"-- /run/pando/sandbox\n--inside\n--keep-fd 16\n"
	"-- pando-mcp\n--project-root /home/u/p";

static void
the_usual_plan_is_this_text(void)
{
	const struct plan_in in = usual();
	CLEANUP(mem_freep) char *have = argv_of(&in);

	ok_str(have, golden, "the whole command line");
}

static void
has(const char *text, const char *part, bool want, const char *what)
{
	ok((strstr(text, part) != NULL) == want, what);
}

static void
what_is_absent_is_not_mounted(void)
{
	struct plan_in in = usual();
	char *const none[PLAN_TOPS_MAX] = { NULL };
	CLEANUP(mem_freep) char *have = NULL;

	in.tops = none;
	in.fd.policy = -1;
	in.fd.program = -1;
	in.program = no_words;
	in.nkeep = 0;
	in.nix = true;
	have = argv_of(&in);
	has(have, "--symlink", false, "no /bin on this host");
	has(have, "/run/pando/policy", false, "no policy");
	has(have, "/run/pando/program", false, "no program in a probe");
	has(have, "--ro-bind /nix/store /nix/store", true, "the store of nix");
	ok(strcmp(have + strlen(have) - 8, "--inside") == 0, "a probe ends at once");
}

static void
a_root_below_tmp_or_the_inner_home_is_mounted_into_nothing_old(void)
{
	struct plan_in in = usual();
	CLEANUP(mem_freep) char *tmp = NULL;
	CLEANUP(mem_freep) char *home = NULL;
	CLEANUP(mem_freep) char *env = NULL;

	in.root = "/tmp/p";
	tmp = argv_of(&in);
	has(tmp, "--tmpfs /tmp\n--bind-fd 3 /tmp/p\n", true,
		"an empty /tmp, then the root");
	has(tmp, "--bind-fd 5", false, "not the kept one");
	in.root = "/home/sandbox/p";
	home = argv_of(&in);
	env = env_of(&in);
	has(home, "--bind-fd 4 /run/pando/home\n", true, "another place for HOME");
	has(home, "--bind-fd 4 /home/sandbox\n", false, "and not below it");
	has(env, "HOME=/run/pando/home", true, "which HOME names");
}

static void
root_gets_a_proc_that_cannot_be_written(void)
{
	struct plan_in in = usual();
	CLEANUP(mem_freep) char *have = NULL;

	in.is_root_user = true;
	have = argv_of(&in);
	has(have, "--proc /proc\n--remount-ro /proc\n", true, "read-only at once");
}

static void
only_listed_plain_variables_pass(void)
{
	char *const caller[] = { (char[]){ "LANG=de_DE.UTF-8" }, (char[]){ "LC_TIME=C" },
		(char[]){ "LC_evil=C" }, (char[]){ "TZ=$(evil)" }, (char[]){ "TERM=" },
		(char[]){ "PANDO_RUN=ab12" }, (char[]){ "PANDO_TOKEN=ab12" },
		(char[]){ "PANDO_POLICY=/x" }, (char[]){ "PANDO_POLICY_SHA256=cd34" },
		(char[]){ "LD_PRELOAD=x" }, (char[]){ "HOME=/home/u" },
		(char[]){ "no-value" }, (char[]){ "CI=true" }, NULL };
	struct plan_in in = usual();
	CLEANUP(mem_freep) char *have = NULL;

	in.caller_env = caller;
	have = env_of(&in);
	ok_str(have,
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin "
		"SHELL=/bin/sh TMPDIR=/tmp XDG_CACHE_HOME=/run/pando/cache "
		"npm_config_cache=/run/pando/cache/npm GIT_CONFIG_NOSYSTEM=1 "
		"GIT_TERMINAL_PROMPT=0 PANDO_SANDBOX=1 HOME=/home/sandbox USER=sandbox "
		"LOGNAME=sandbox PANDO_PROJECT_ROOT=/home/u/p PANDO_POLICY=/run/pando/policy "
		"LANG=de_DE.UTF-8 LC_TIME=C "
		"PANDO_RUN=ab12 PANDO_POLICY_SHA256=cd34 CI=true",
		"the environment inside");
}

static void
too_many_words_are_an_error(void)
{
	struct plan_in in = usual();
	static char word[] = "x";
	char **many = mem_alloc((PLAN_WORDS_MAX + 1) * sizeof *many);
	CLEANUP(plan_fini) struct plan p = { .argv = NULL };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < PLAN_WORDS_MAX; i++)
		many[i] = word;
	in.program = many;
	ok_int(plan_make(&p, &in, &e), -1, "refused");
	ok_int(e.code, ERR_USAGE, "as a usage error");
	free(many);
}

static void
the_person_has_a_name_inside(void)
{
	CLEANUP(mem_freep) char *root = plan_passwd(0, 0, "/p");
	CLEANUP(mem_freep) char *user = plan_passwd(1000, 100, "/p");
	CLEANUP(mem_freep) char *group = plan_group(100);

	ok_str(root, "root:x:0:0:root:/home/sandbox:/bin/sh\n", "root");
	ok_str(user,
		"root:x:0:0:root:/:/bin/sh\nsandbox:x:1000:100:sandbox:/home/sandbox:/bin/sh\n",
		"a user");
	ok_str(group, "root:x:0:\nsandbox:x:100:\n", "the group");
}

int
main(void)
{
	the_usual_plan_is_this_text();
	what_is_absent_is_not_mounted();
	a_root_below_tmp_or_the_inner_home_is_mounted_into_nothing_old();
	root_gets_a_proc_that_cannot_be_written();
	only_listed_plain_variables_pass();
	too_many_words_are_an_error();
	the_person_has_a_name_inside();
	return test_done();
}
