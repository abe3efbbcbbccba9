#include "sandbox/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fdio.h"
#include "base/path.h"

enum { ANSWER_MAX = 64 << 10, ANSWER_MS = 10 * 1000, LINK_MAX = 256, SYSCTL_MAX = 32 };

static const char *const places[] = { "/usr/bin/bwrap", "/bin/bwrap",
	"/usr/local/bin/bwrap" };

/* What compilers, interpreters and git read; nothing that names persons or machines. */
static const char *const etc_names[] = { "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
	"alternatives", "ssl/certs", "ssl/openssl.cnf", "ca-certificates",
	"ca-certificates.conf", "pki/tls/certs", "localtime", "mime.types", "protocols",
	"services", "perl", "fonts", "terminfo", "inputrc", "magic" };
static const char *const etc_prefixes[] = { "java-", "python3" };

static int
check_bwrap(const char *path, const struct stat *st, struct err *e)
{
	if (!path_is_roots(st) || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_SANDBOX,
			"%s must be a file of root's that nobody else may write: install "
			"bubblewrap again",
			path);
	if ((st->st_mode & S_ISUID) != 0)
		return err_set(e, ERR_SANDBOX,
			"%s is setuid, and then cannot switch off user namespaces inside: "
			"run 'chmod u-s %s' and allow user namespaces to everyone",
			path, path);
	return 0;
}

static int
find_bwrap(struct host *h, struct err *e)
{
	for (size_t i = 0; i < LEN(places); i++) {
		struct stat st;

		if (stat(places[i], &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		h->bwrap = places[i];
		return check_bwrap(places[i], &st, e);
	}
	return err_set(e, ERR_SANDBOX,
		"bubblewrap is missing (no bwrap in /usr/bin, /bin or /usr/local/bin): install "
		"bubblewrap 0.10 or newer");
}

static int
ask(const struct host *h, const char *flag, struct buf *answer, struct err *e)
{
	CLEANUP(fd_closep) int out = memfd_create("bwrap", MFD_CLOEXEC);
	CLEANUP(mem_freep) char *arg = mem_strdup(flag);
	char *argv[] = { (char[]){ "bwrap" }, arg, NULL };
	char *env[] = { NULL };
	const struct child_spec spec = { .path = h->bwrap,
		.argv = argv,
		.env = env,
		.fd = { -1, out, out },
		.nfds = 3,
		.die_with_parent = true };
	pid_t pid;

	if (out < 0)
		return err_sys(e, "make a memory file");
	if (child_start(&spec, &pid, e) < 0)
		return -1;
	if (child_wait_ms(pid, ANSWER_MS, e) != 0)
		return err_set(e, ERR_SANDBOX, "'%s %s' fails: install bubblewrap again",
			h->bwrap, flag);
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind bwrap's answer");
	return fd_read_all(out, answer, e);
}

static int
ask_version(struct host *h, struct err *e)
{
	static const char prefix[] = "bubblewrap ";
	CLEANUP(buf_fini) struct buf answer = BUF_INIT(ANSWER_MAX);
	const char *text;
	size_t n;

	if (ask(h, "--version", &answer, e) < 0)
		return -1;
	text = buf_text(&answer);
	if (strncmp(text, prefix, sizeof prefix - 1) != 0)
		return err_set(e, ERR_SANDBOX, "%s does not tell its version", h->bwrap);
	text += sizeof prefix - 1;
	n = strspn(text, "0123456789.");
	if (n == 0 || n >= sizeof h->version)
		return err_set(e, ERR_SANDBOX, "%s does not tell its version", h->bwrap);
	memcpy(h->version, text, n);
	h->version[n] = '\0';
	return 0;
}

/* By name and not by version: distributions add them to older ones. */
static int
check_features(struct host *h, struct err *e)
{
	static const char *const needed[] = { "--disable-userns", "--ro-bind-fd",
		"--size", "--perms", "--seccomp", "--sync-fd" };
	CLEANUP(buf_fini) struct buf help = BUF_INIT(ANSWER_MAX);
	const char *text;

	if (ask(h, "--help", &help, e) < 0)
		return -1;
	text = buf_text(&help);
	for (size_t i = 0; i < LEN(needed); i++)
		if (strstr(text, needed[i]) == NULL)
			return err_set(e, ERR_SANDBOX,
				"bubblewrap %s at %s does not know %s: install 0.10 or newer "
				"(Debian 12: its newest 0.8.0)",
				h->version, h->bwrap, needed[i]);
	return 0;
}

static void
probe_tops(struct host *h)
{
	for (size_t i = 0; i < PLAN_TOPS_MAX; i++) {
		char link[LINK_MAX];
		const ssize_t n = readlink(plan_top_names[i], link, sizeof link);
		struct stat st;

		if (n > 0 && n < LINK_MAX)
			h->tops[i] = mem_strdup_str((struct str){ link, (size_t)n });
		else if (stat(plan_top_names[i], &st) == 0 && S_ISDIR(st.st_mode))
			h->tops[i] = mem_strdup("");
	}
}

static void
add_etc(struct host *h, const char *name)
{
	CLEANUP(mem_freep) char *path = path_join("/etc", name);

	if (h->netc == PLAN_ETC_MAX || access(path, R_OK) < 0)
		return;
	h->etc[h->netc++] = path;
	path = NULL;
}

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d); /* only read from */
}

static int
cmp_text(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

static void
probe_etc(struct host *h)
{
	CLEANUP(closedirp) DIR *d = opendir("/etc");
	const struct dirent *ent;

	for (size_t i = 0; i < LEN(etc_names); i++)
		add_etc(h, etc_names[i]);
	while (d != NULL && (ent = readdir(d)) != NULL)
		for (size_t i = 0; i < LEN(etc_prefixes); i++)
			if (str_starts(str_of(ent->d_name), str_of(etc_prefixes[i])))
				add_etc(h, ent->d_name);
	qsort(h->etc, h->netc, sizeof *h->etc, cmp_text);
}

int
host_probe(struct host *h, struct err *e)
{
	*h = (struct host){ .bwrap = NULL };
	if (find_bwrap(h, e) < 0 || ask_version(h, e) < 0 || check_features(h, e) < 0)
		return -1;
	probe_tops(h);
	probe_etc(h);
	h->nix = access("/nix/store", X_OK) == 0;
	return 0;
}

void
host_fini(struct host *h)
{
	for (size_t i = 0; i < PLAN_TOPS_MAX; i++)
		free(h->tops[i]);
	for (size_t i = 0; i < h->netc; i++)
		free(h->etc[i]);
	*h = (struct host){ .bwrap = NULL };
}

static bool
sysctl_is(const char *path, const char *value)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(buf_fini) struct buf text = BUF_INIT(SYSCTL_MAX);
	struct err none =
		ERR_INIT; /* one that cannot be read does not explain anything */

	if (fd < 0 || fd_read_all(fd, &text, &none) < 0)
		return false;
	return str_starts(buf_str(&text), str_of(value)) && text.p[strlen(value)] == '\n';
}

const char *
host_remedy(void)
{
	if (sysctl_is("/proc/sys/user/max_user_namespaces", "0"))
		return "user namespaces are off: run 'sysctl user.max_user_namespaces=10000' "
		       "as root";
	if (sysctl_is("/proc/sys/kernel/unprivileged_userns_clone", "0"))
		return "user namespaces are off for ordinary users: run 'sysctl "
		       "kernel.unprivileged_userns_clone=1' as root";
	if (sysctl_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		return "AppArmor restricts user namespaces: give /usr/bin/bwrap a profile that "
		       "allows 'userns', or run 'sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns=0' as root";
	return "if this is a container, let it make user namespaces and mount in them";
}
