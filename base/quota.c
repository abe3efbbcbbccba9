#include "base/quota.h"

enum { MB = 20 }; /* as a shift */

int
quota_refuse(const struct quota *q, struct err *e)
{
	const struct quota *all = q;

	while (all->of != NULL)
		all = all->of;
	return err_set(e, ERR_DATA,
		"no more can be held at a time (%zu MB of requests and answers, %zu MB of one "
		"run): go on when others of them have ended",
		all->max >> MB, q->max >> MB);
}
