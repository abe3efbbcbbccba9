#include "policy/glob.h"

bool
glob_match(struct str p, struct str s)
{
	size_t i = 0, j = 0, star = 0, mark = 0;
	bool starred = false;

	while (j < s.n) {
		if (i < p.n && p.p[i] == '*') {
			starred = true;
			star = ++i;
			mark = j;
		} else if (i < p.n && (p.p[i] == '?' || p.p[i] == s.p[j])) {
			i++;
			j++;
		} else if (starred) {
			i = star;
			j = ++mark;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}
