/* SPDX-License-Identifier: BSD-2-Clause */
/* One QEMU with the bare-metal program in it, and the memory that both sides see. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "exchange.h"

struct machine {
	pid_t pid;
	uint8_t *ram;
	struct mail *mail;
};

/* The version as major * 100 + minor, and its text; 0 if there is no such program. */
unsigned machine_version(const char *qemu, char *text, size_t size);

/* Starts QEMU; complains and returns false if that fails. */
bool machine_start(struct machine *machine, const char *qemu, const char *guest);

void machine_stop(struct machine *machine);

static inline void *machine_at(const struct machine *machine, uint64_t pa)
{
	return machine->ram + (pa - RAM_PA);
}

/* Waits for what the guest finds out about its CPU. */
bool machine_ready(struct machine *machine);

/* Slot i of all the batches'. */
static inline struct slot *machine_slot(const struct machine *machine, unsigned i)
{
	return (struct slot *)(machine->ram + (SLOTS_PA - RAM_PA)) + i;
}

static inline struct vectors *machine_vectors(const struct machine *machine, unsigned i)
{
	return (struct vectors *)(machine->ram + (VECTORS_PA - RAM_PA)) + i;
}

/* Hands over the batch that mail->batch[mail->produced % BATCHES] describes. */
void machine_submit(struct machine *machine);

/* Waits until so many batches are done; complains and returns false if the guest or QEMU is lost. */
bool machine_wait(struct machine *machine, uint64_t done);

#endif
