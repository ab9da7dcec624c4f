/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events of a run, one JSON object a line (salvage-run(1) lists the fields). Any thread. Nothing a guest
 * does makes the file longer than the limit: identical aborts are counted and summed, and what does not fit
 * is counted as dropped.
 */
#ifndef VMM_EVENTS_H
#define VMM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <salvage/abort.h>
#include <salvage/ras.h>

#define VMM_EVENTS_SCHEMA 1
#define VMM_EVENTS_LIMIT  (UINT64_C(64) << 20)

/*
 * An abort is reported this many times one by one; from then on only the sum is, when it doubles and at the
 * end.
 */
#define VMM_EVENTS_REPEATS 4

struct vmm_events;

/*
 * file: where the lines go, or NULL for nowhere (all calls then do next to nothing); it stays the caller's.
 * vm: the name in every event, copied. limit: bytes. NULL if there is no memory.
 */
struct vmm_events *vmm_events_new(FILE *file, const char *vm, uint64_t limit);

/* Writes the sums that are due, then frees. Lines cannot be written any more: see vmm_events_exit. */
void vmm_events_free(struct vmm_events *events);

/* An atomic: dir is "rw", value what the device held before, and op the operation. */
void vmm_events_atomic(struct vmm_events *events, unsigned vcpu, const char *device,
		       const struct sv_access *access);

void vmm_events_mmio(struct vmm_events *events, unsigned vcpu, const char *device, uint64_t ipa,
		     unsigned size, bool write, const uint8_t *data);

/* An abort that is over, diagnosed. */
void vmm_events_abort(struct vmm_events *events, unsigned vcpu, const struct sv_report *report);

/*
 * A memory error: the abort that it came with (vcpu not negative), and a "poison" event if it is a page that
 * was not known, or something was decided. Of report, if there was no abort, ending and rule.
 */
void vmm_events_memory_error(struct vmm_events *events, int vcpu, const struct sv_report *report,
			     const struct sv_memory_error *error, const struct sv_ras_answer *answer);

/*
 * The last line: sums that are due, then status and reason. Always fits. False if any line of the run could
 * not be written.
 */
bool vmm_events_exit(struct vmm_events *events, int status, const char *reason);

#endif
