/* SPDX-License-Identifier: BSD-2-Clause */
/* The device models. Each belongs to its VM, which frees nothing: they own no memory but their own. */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include <pthread.h>
#include <stddef.h>

#include "bus.h"

#define VMM_RECORDER_SIZE      0x10000
#define VMM_REGISTER_FILE_SIZE 0x1000

/* Remembers the bytes written and reads them back. The register file is one too, with narrower manners. */
struct vmm_recorder {
	struct vmm_device device;
	pthread_mutex_t lock;
	uint8_t bytes[VMM_RECORDER_SIZE];
};

/* part: VMM_RECORDER or VMM_REGISTER_FILE. */
void vmm_recorder_init(struct vmm_recorder *recorder, enum vmm_part part);

/* A write ends the run with the low byte as status; reads give 0. */
struct vmm_exit_register {
	struct vmm_device device;
	void (*end)(void *opaque, uint8_t status);
	void *opaque;
};

void vmm_exit_register_init(struct vmm_exit_register *reg, void (*end)(void *opaque, uint8_t status),
			    void *opaque);

/*
 * The Arm PrimeCell UART, PL011 (DDI 0183), as far as drivers need it: data, flags, interrupts. Characters
 * are transmitted at once; baud rate, parity and modem lines are remembered and have no effect. interrupt and
 * room are called with the lock held, so that levels keep their order; transmit is not.
 */
#define VMM_PL011_FIFO 32

struct vmm_pl011 {
	struct vmm_device device;
	pthread_mutex_t lock;
	void (*transmit)(void *opaque, uint8_t character);
	void (*interrupt)(void *opaque, bool level);
	void (*room)(void *opaque); /* the receive FIFO was full, or was emptied: there is room */
	void *opaque;
	uint8_t fifo[VMM_PL011_FIFO];
	unsigned first, count;
	uint32_t registers[0x50 / 4]; /* those that only remember */
	uint32_t raw;                 /* UARTRIS */
	bool level;
};

void vmm_pl011_init(struct vmm_pl011 *uart);

/* Characters received from outside: takes as many as fit and returns their number. Any thread. */
size_t vmm_pl011_receive(struct vmm_pl011 *uart, const uint8_t *characters, size_t count);

#endif
