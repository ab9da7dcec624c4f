/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors on purpose: the guest's next accesses to a page are to be synchronous external aborts. The
 * laboratory makes them (docs/laboratory.md), at stage-2 faults; here such accesses are made to fault.
 */
#ifndef VMM_SEA_H
#define VMM_SEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct vmm_vm;
struct vmm_config;

/* Where the laboratory takes requests; nowhere else is there such a port. */
#define VMM_SEA_PORT      "/dev/virtio-ports/salvage.sea"
#define VMM_SEA_PATIENCE  120000 /* ms, for its answer */
#define VMM_SEA_TIMES_MAX 1000000
#define VMM_SEA_SYNTAX    "GPA[,fnv][,insn][,claimed][,times=N]"

struct vmm_sea {
	const char *text; /* as it was written; the writer's */
	uint64_t gpa;     /* of the 4 KiB page */
	unsigned times;   /* 1..VMM_SEA_TIMES_MAX */
	bool fnv;         /* no address is reported */
	bool insn;        /* instruction fetches, else loads and stores */
	bool claimed;     /* by the host's firmware: SIGBUS, and the page stays poisoned */
};

struct vmm_sea_error {
	size_t column; /* counted from 1 */
	const char *why;
};

/* Reads VMM_SEA_SYNTAX. The GPA may be that of any byte of the page. False with *error filled. */
bool vmm_sea_parse(const char *text, struct vmm_sea *sea, struct vmm_sea_error *error);

/* Whether all pages are in RAM. */
bool vmm_sea_check(const struct vmm_config *config, struct vmm_error *error);

/* Before RAM is first touched: has what is around each page made of pages of the host's smallest size. */
bool vmm_sea_prepare(struct vmm_vm *vm, struct vmm_error *error);

/*
 * With the guest loaded and before any vCPU runs: has the kernel make all pages bad, if it can; else has the
 * laboratory arm them, and poisons those that are claimed.
 */
bool vmm_sea_arm(struct vmm_vm *vm, struct vmm_error *error);

/*
 * To be called at each KVM_EXIT_ARM_SEA, before the guest goes on: the next access faults again. Such an exit
 * leaves the page as it was, but another access may have had it mapped meanwhile. Any thread.
 */
void vmm_sea_again(const struct vmm_vm *vm);

/* One request and its answer over a port. patience: ms. */
bool vmm_sea_request(int port, const struct vmm_sea *sea, int patience, struct vmm_error *error);

#endif
