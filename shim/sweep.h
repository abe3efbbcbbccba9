#ifndef SHIM_SWEEP_H
#define SHIM_SWEEP_H

/*
 * Removes the folders of runs that have ended and that no gateway removes: those that were
 * started while [proxy] is off. See rundir.h for what a folder holds.
 */

enum { SWEEP_AGE_S = 60 }; /* a younger one may be about to get its pid */

void sweep_runs(int runs_fd);

#endif
