#include "gateway/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/path.h"
#include "gateway/budget.h"

int
gw_ledger_open(const struct gw_rundir *d, struct gw_reg *r, struct err *e)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(GW_LEDGER_MAX);
	CLEANUP(mem_freep) char *rel = mem_printf("%s/" GW_LEDGER_NAME, r->id);
	CLEANUP(fd_closep)
	int fd = path_open_beneath(d->fd, rel, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
		S_IRUSR | S_IWUSR, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(e, ERR_REFUSED, "%s: want a file of ours", rel);
	if (st.st_size > 0 && (fd_read_all(fd, &text, e) < 0 ||
				      gw_budget_parse(buf_str(&text), &r->budget, e) < 0))
		return err_wrap(e, "%s", rel);
	fd_closep(&r->ledger);
	r->ledger = fd_take(&fd);
	return 0;
}

void
gw_ledger_save(struct gw_reg *r)
{
	CLEANUP(buf_fini) struct buf line = BUF_INIT(GW_LEDGER_MAX);

	if (r->all->on_sums != NULL)
		r->all->on_sums(r, r->all->to);
	if (r->ledger < 0)
		return;
	gw_budget_format(&r->budget, &line);
	errno = ENOSPC; /* a short write to a file means no more room */
	if (pwrite(r->ledger, line.p, line.n, 0) == (ssize_t)line.n) {
		r->ledger_is_old = false;
		return;
	}
	if (!r->ledger_is_old)
		log_error("run %s: its sums do not outlive this gateway, until there is "
			  "room for them: %s",
			r->id, strerror(errno));
	r->ledger_is_old = true;
}

void
gw_ledger_yield(struct gw_reg *r)
{
	fd_closep(&r->ledger);
}
