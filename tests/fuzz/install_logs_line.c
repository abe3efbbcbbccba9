/*
 * Any line of the decision log, shown to a person: one row, as wide as it may be, and no byte
 * of it speaks to the terminal.
 */

#include <stdint.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "install/logs_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROW_MAX = 1 << 20, INPUT_MAX = 16384 };

static void
check_row(struct str row)
{
	if (row.n == 0 || row.p[row.n - 1] != '\n')
		abort();
	for (size_t i = 0; i + 1 < row.n; i++)
		if ((unsigned char)row.p[i] < 0x20 || row.p[i] == 0x7f)
			abort();
	if (!utf8_is_valid(row))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int columns[] = { 0, 40, 100, 200 };
	struct log_line l;

	if (n > INPUT_MAX)
		return 0;
	l = log_line_of((struct str){ (const char *)data, n });
	for (size_t i = 0; i < LEN(columns); i++) {
		CLEANUP(buf_fini) struct buf row = BUF_INIT(ROW_MAX);
		const struct log_view v = {
			.columns = columns[i], .days = i % 2 == 0, .now_ms = 1795268096123
		};

		log_line_put(&row, &l, &v);
		if (row.over)
			abort();
		check_row(buf_str(&row));
	}
	return 0;
}
