#include <stdint.h>
#include <stdlib.h>

#include "gateway/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is understood is bounded, and written again it is understood as the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(gw_record_fini) struct gw_record r = { .port = 0 };
	CLEANUP(gw_record_fini) struct gw_record again = { .port = 0 };
	CLEANUP(buf_fini) struct buf first = BUF_INIT(GW_RECORD_MAX);
	CLEANUP(buf_fini) struct buf second = BUF_INIT(GW_RECORD_MAX);
	struct err e = ERR_INIT;

	if (n > GW_RECORD_MAX ||
		gw_record_parse((struct str){ (const char *)data, n }, &r, &e) < 0)
		return 0;
	if (r.port <= 0 || r.port > UINT16_MAX || r.pid <= 0 || r.start == 0 ||
		strlen(r.token.hex) != SECRET_HEX || r.agent[0] == '\0' ||
		r.root[0] == '\0' || r.log[0] == '\0')
		abort();
	if (gw_record_format(&r, &first, &e) < 0 ||
		gw_record_parse(buf_str(&first), &again, &e) < 0 ||
		gw_record_format(&again, &second, &e) < 0 ||
		!str_eq(buf_str(&first), buf_str(&second)) || first.n != n)
		abort();
	return 0;
}
