#include "sandbox/seccomp.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/str.h"

enum { DENY = EPERM };

#define LOW_WORD 0xffffffffU

/* Names and not numbers: one that this libseccomp or architecture lacks is left out. */
static const char *const denied[] = { "unshare", "setns", "mount", "umount", "umount2",
	"pivot_root", "chroot", "statmount", "listmount", "bpf", "perf_event_open",
	"userfaultfd", "keyctl", "add_key", "request_key", "kexec_load",
	"kexec_file_load", "init_module", "finit_module", "delete_module",
	"create_module", "iopl", "ioperm", "modify_ldt", "acct", "quotactl",
	"quotactl_fd", "swapon", "swapoff", "reboot", "clock_settime", "settimeofday",
	"adjtimex", "clock_adjtime", "stime", "sethostname", "setdomainname", "syslog",
	"uselib", "ustat", "sysfs", "nfsservctl", "vhangup", "lookup_dcookie",
	"fanotify_init", "name_to_handle_at", "open_by_handle_at", "move_pages",
	"migrate_pages", "kcmp", "pidfd_getfd", "process_vm_writev", "process_madvise",
	"_sysctl" };

static const char *const absent[] = { "clone3", "open_tree", "open_tree_attr",
	"move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"io_uring_setup", "io_uring_enter", "io_uring_register" };

/* With numbers of their own where this libseccomp does not know the name; all the same on
 * every 64-bit architecture since Linux 5.1. */
static const struct {
	int nr, error;
} newer[] = {
	{ 428, ENOSYS }, /* open_tree */
	{ 429, ENOSYS }, /* move_mount */
	{ 430, ENOSYS }, /* fsopen */
	{ 431, ENOSYS }, /* fsconfig */
	{ 432, ENOSYS }, /* fsmount */
	{ 433, ENOSYS }, /* fspick */
	{ 438, DENY },   /* pidfd_getfd */
	{ 440, DENY },   /* process_madvise */
	{ 442, ENOSYS }, /* mount_setattr */
	{ 443, DENY },   /* quotactl_fd */
	{ 457, DENY },   /* statmount */
	{ 458, DENY },   /* listmount */
	{ 467, ENOSYS }, /* open_tree_attr */
};

static int
add(scmp_filter_ctx f, int error, int nr, unsigned int n, struct scmp_arg_cmp *args)
{
	const int r = seccomp_rule_add_array(
		f, SCMP_ACT_ERRNO((unsigned int)error), nr, n, args);

	return r == -EEXIST ? 0 : r;
}

static int
add_names(scmp_filter_ctx f, int error, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const int nr = seccomp_syscall_resolve_name(names[i]);
		const int r = nr < 0 ? 0 : add(f, error, nr, 0, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
add_newer(scmp_filter_ctx f)
{
	for (size_t i = 0; i < LEN(newer); i++) {
		const int r = add(f, newer[i].error, newer[i].nr, 0, NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Denies a call when any of the bits is set in an argument; one rule for each bit, since
 * a rule compares an argument with one value. */
static int
add_bits(scmp_filter_ctx f, int nr, unsigned int arg, unsigned long bits)
{
	for (unsigned long bit = 1; bit != 0 && bit <= bits; bit <<= 1) {
		struct scmp_arg_cmp c = SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, bit, bit);
		const int r = (bits & bit) == 0 ? 0 : add(f, DENY, nr, 1, &c);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
add_namespaces(scmp_filter_ctx f)
{
	return add_bits(f, SCMP_SYS(clone), 0,
		CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET);
}

/*
 * The kernel reads the family as an int, so its upper half could hide a value from an
 * exact comparison; "greater" then catches it.
 */
static int
add_families(scmp_filter_ctx f)
{
	struct scmp_arg_cmp high = SCMP_A0(SCMP_CMP_GT, AF_NETLINK);
	struct scmp_arg_cmp netlink[] = { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
		SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE) };
	int r = add(f, DENY, SCMP_SYS(socket), 1, &high);

	if (r >= 0)
		r = add(f, DENY, SCMP_SYS(socket), LEN(netlink), netlink);
	for (unsigned int family = 0; r >= 0 && family < AF_NETLINK; family++) {
		struct scmp_arg_cmp c = SCMP_A0(SCMP_CMP_EQ, family);

		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			r = add(f, DENY, SCMP_SYS(socket), 1, &c);
	}
	return r;
}

/* The low word alone: the kernel ignores the upper one (CVE-2019-10063). */
static int
add_terminal(scmp_filter_ctx f)
{
	static const unsigned int calls[] = { TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS };

	for (size_t i = 0; i < LEN(calls); i++) {
		struct scmp_arg_cmp c = SCMP_A1(SCMP_CMP_MASKED_EQ, LOW_WORD, calls[i]);
		const int r = add(f, DENY, SCMP_SYS(ioctl), 1, &c);

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Bit 31 is clear in what is denied, and the query 0xffffffff has it set together with all
 * the others: so a bit is compared together with bit 31. Debuggers keep ADDR_NO_RANDOMIZE.
 */
static int
add_personality(scmp_filter_ctx f)
{
	const unsigned int query = 1U << 31;
	const unsigned int bits = READ_IMPLIES_EXEC | MMAP_PAGE_ZERO |
				  ADDR_COMPAT_LAYOUT | ADDR_LIMIT_3GB | PER_MASK;

	for (unsigned int bit = 1; bit < query; bit <<= 1) {
		struct scmp_arg_cmp c = SCMP_A0(SCMP_CMP_MASKED_EQ, query | bit, bit);
		const int r = (bits & bit) == 0
				      ? 0
				      : add(f, DENY, SCMP_SYS(personality), 1, &c);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
add_devices(scmp_filter_ctx f)
{
	static const mode_t kinds[] = { S_IFCHR, S_IFBLK };

	for (size_t i = 0; i < LEN(kinds); i++) {
		struct scmp_arg_cmp old = SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, kinds[i]);
		struct scmp_arg_cmp at = SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, kinds[i]);
		int r = add(f, DENY, SCMP_SYS(mknodat), 1, &at);

		if (r >= 0)
			r = add(f, DENY, SCMP_SYS(mknod), 1, &old);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
fill(scmp_filter_ctx f)
{
	int r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r >= 0)
		r = add_names(f, DENY, denied, LEN(denied));
	if (r >= 0)
		r = add_names(f, ENOSYS, absent, LEN(absent));
	if (r >= 0)
		r = add_newer(f);
	if (r >= 0)
		r = add_namespaces(f);
	if (r >= 0)
		r = add_families(f);
	if (r >= 0)
		r = add_terminal(f);
	if (r >= 0)
		r = add_personality(f);
	return r >= 0 ? add_devices(f) : r;
}

static void
filter_release(scmp_filter_ctx *f)
{
	if (*f != NULL)
		seccomp_release(*f);
}

int
seccomp_filter_new(size_t *count, struct err *e)
{
	CLEANUP(filter_release) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	CLEANUP(fd_closep) int fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct stat st;
	int r;

	if (f == NULL)
		return err_set(e, ERR_SANDBOX,
			"libseccomp cannot make a filter for this architecture");
	if (fd < 0)
		return err_sys(e, "make a memory file for the system call filter");
	r = fill(f);
	if (r >= 0)
		r = seccomp_export_bpf(f, fd);
	if (r < 0) {
		errno = -r;
		return err_sys(e, "make the system call filter");
	}
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind the system call filter");
	*count = (size_t)st.st_size / sizeof(struct sock_filter);
	return fd_take(&fd);
}
