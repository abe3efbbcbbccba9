#include "sandbox/limits.h"

#include <sys/resource.h>

#include "base/str.h"

static const struct {
	__rlimit_resource_t what;
	const char *name;
	rlim_t most;
} limits[] = {
	{ RLIMIT_NPROC, "nproc", 512 },
	{ RLIMIT_NOFILE, "nofile", 8192 },
	{ RLIMIT_FSIZE, "fsize", (rlim_t)2 << 30 },
	{ RLIMIT_CORE, "core", 0 },
	{ RLIMIT_MEMLOCK, "memlock", (rlim_t)1 << 20 },
	{ RLIMIT_MSGQUEUE, "msgqueue", 800 << 10 },
};

int
limits_apply(struct err *e)
{
	for (size_t i = 0; i < LEN(limits); i++) {
		struct rlimit r;

		if (getrlimit(limits[i].what, &r) < 0)
			return err_sys(e, "read the limit %s", limits[i].name);
		if (r.rlim_max > limits[i].most)
			r.rlim_max = limits[i].most;
		r.rlim_cur = r.rlim_max;
		if (setrlimit(limits[i].what, &r) < 0)
			return err_sys(e, "set the limit %s", limits[i].name);
	}
	return 0;
}

void
limits_put(struct buf *b)
{
	for (size_t i = 0; i < LEN(limits); i++)
		buf_printf(b, "%s%s %llu", i == 0 ? "" : " ", limits[i].name,
			(unsigned long long)limits[i].most);
}
