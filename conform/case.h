/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case of the conformance suite: a guest, the host program beside it, and the transcript that both of them
 * ought to leave. Each case runs in a process of its own, with a VM of its own; what goes wrong ends that
 * process.
 */
#ifndef CONFORM_CASE_H
#define CONFORM_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <kernel.h>

#include "channel.h"

struct conform;

/* What the suite runs on. */
struct conform_backend {
	const char *name;
	const struct vmm_kernel *kernel;
	bool model;  /* of a kernel: no part of the system's */
	bool poison; /* pages of the host's memory may be poisoned */
};

/*
 * expected: lines. One that begins with [FAMILY=MEMBER] is what kernels of one behaviour say; lines of one
 * family that follow one another are alternatives, a line of nothing else is no line; a member that comes
 * again behind another is one more alternative. One kernel has one member of a family in all its cases.
 */
struct conform_case {
	const char *name, *summary;
	const char *guest;                     /* NULL: name */
	void (*host)(struct conform *conform); /* NULL: conform_drive */
	unsigned flags;
	const char *expected;
};

#define CASE_NISV 1u /* with KVM_CAP_ARM_NISV_TO_USER, or not at all */
#define CASE_SEA  2u /* with KVM_CAP_ARM_SEA_TO_USER, or not at all */
/* What the host's memory management does to the VMM's memory, which a model of KVM has no part in. */
#define CASE_HOST 4u

/* One file of host/ each. */
struct conform_group {
	const struct conform_case *cases;
	size_t count;
};
extern const struct conform_group conform_mmio, conform_nisv, conform_fetch, conform_inject, conform_memory,
	conform_faults, conform_errors, conform_cpu;

#define CONFORM_GROUP(rows)                          \
	{                                            \
		rows, sizeof(rows) / sizeof(*(rows)) \
	}

/* All cases, in order; NULL after the last one. */
const struct conform_case *conform_case(size_t index);

enum conform_region_name {
	REGION_RAM,
	REGION_ROM,
	REGION_EXTRA,
	REGION_BEYOND,
	REGION_HOLE,
	REGION_CHANNEL,
	REGIONS,
};

struct conform_region {
	uint64_t first, size;
	uint8_t *host; /* NULL: nothing is there */
};

#define CONFORM_HOLE_SIZE  0x40000
#define CONFORM_ROM_SIZE   0x10000
#define CONFORM_EXTRA_SIZE 0x40000

struct conform {
	const struct conform_backend *backend;
	const struct vmm_kernel *kernel;
	const struct conform_case *row;
	/* Records, for suite.c: "L line", and one of "S why", "F why" in the end. NULL: no case is run. */
	FILE *out;

	int kvm, vm, vcpu;
	struct sv_kvm_run *run;
	size_t run_size;
	struct conform_region regions[REGIONS];
	uint64_t vectors;
	uint64_t parameter[CHANNEL_PARAMETERS];
	uint64_t argument[CHANNEL_ARGUMENTS];
	uint64_t mark, sync;
	int error; /* of CONFORM_FAILED */
	unsigned exits;
};

enum conform_event {
	CONFORM_DONE,
	CONFORM_SYNC,   /* sync has the number */
	CONFORM_FAILED, /* KVM_RUN failed with error, which is in the transcript */
	CONFORM_EXIT,   /* run->exit_reason, which is in the transcript */
};

/* machine.c */

/* Picks addresses for all regions but RAM, so that they collide with nothing. False: there is no room. */
bool conform_place(struct conform_region regions[REGIONS], uint64_t limit);

/* What KVM_CREATE_VM wants for a VM of this size of addresses. */
void conform_open(struct conform *conform);
void conform_create_vm(struct conform *conform);
void conform_create_vcpu(struct conform *conform);
/* All of it, with the case's capabilities, and the guest at its function. */
void conform_start(struct conform *conform);

/* One after another until an event; accesses to the channel are done here, exits are written down. */
enum conform_event conform_run(struct conform *conform);
/* Has KVM complete what the last exit was for, and nothing else. */
void conform_complete(struct conform *conform);
/* Runs to the end: answers loads with CONFORM_DATA, skips what KVM does not describe. */
void conform_drive(struct conform *conform);
/* The same up to the next sync, exit or failure: nothing is answered. Dies if it is another event. */
void conform_until(struct conform *conform, enum conform_event event);

/* Bytes with the sign bit of every size set. */
#define CONFORM_DATA                                           \
	{                                                      \
		0x88, 0x97, 0xa6, 0xb5, 0xc4, 0xd3, 0xe2, 0xf1 \
	}
void conform_answer(struct conform *conform);
void conform_skip_instruction(struct conform *conform);

/* Ioctls of the vCPU and the VM: as backend.ioctl returns. */
int conform_vm_ioctl(struct conform *conform, unsigned long request, void *argument);
int conform_vcpu_ioctl(struct conform *conform, unsigned long request, void *argument);
int conform_check(struct conform *conform, unsigned capability);
int conform_enable(struct conform *conform, unsigned capability);
uint64_t conform_get(struct conform *conform, uint64_t id);
void conform_set(struct conform *conform, uint64_t id, uint64_t value);
int conform_slot(struct conform *conform, unsigned slot, unsigned flags, uint64_t gpa, uint64_t size,
		 void *host);

#define SLOT_RAM   0
#define SLOT_ROM   1
#define SLOT_EXTRA 2

#define CONFORM_PC SV_KVM_CORE(SV_KVM_CORE_PC)

/* transcript.c */

/* How long a case may take. */
#define CONFORM_SECONDS 20

/* The exit status of a case's process that could not go on, and the command's where nothing could begin. */
#define CONFORM_DIED 101

/* A line of the transcript. */
void conform_line(struct conform *conform, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The line "WHAT: 0", or the number, or the error's name. */
void conform_result(struct conform *conform, const char *what, int rc);
/* The line "pc ..."; what KVM_GET_VCPU_EVENTS says, and of the SError's syndrome. */
void conform_say_pc(struct conform *conform);
void conform_say_events(struct conform *conform);
void conform_say_syndrome(struct conform *conform);

/* The case cannot be shown here; the case has failed, for a reason that no line says. */
_Noreturn void conform_skip(struct conform *conform, const char *why, ...)
	__attribute__((format(printf, 2, 3)));
_Noreturn void conform_die(struct conform *conform, const char *why, ...)
	__attribute__((format(printf, 2, 3)));

/* An address by what it lies in. Returns text, of at least CONFORM_ADDRESS bytes. */
#define CONFORM_ADDRESS 64
const char *conform_address(const struct conform *conform, uint64_t address, char *text);

/* "EINVAL", or a number, of a positive errno. */
const char *conform_errno(int error);

/* channel.c */

enum conform_told { TOLD_NOTHING, TOLD_SYNC, TOLD_DONE, TOLD_SKIP, TOLD_FAILED };

#define CONFORM_TEXT 400

/*
 * One access to the channel: offset, size; data is written or filled. text: a line, if it is not empty, or
 * the reason of TOLD_SKIP and TOLD_FAILED.
 */
enum conform_told conform_channel(struct conform *conform, uint64_t offset, unsigned size, bool write,
				  uint8_t data[8], char text[CONFORM_TEXT]);

/* image.c */

/* The guest's image, and a guest's function; 0: there is none of this name. */
extern const uint8_t conform_image[];
extern const size_t conform_image_size;
uint64_t conform_guest(const char *name);
uint64_t conform_guest_vectors(void);

/* errors.c */

/*
 * Makes the guest's next access to a page a synchronous external abort that nobody claims; or poisons one
 * that is mapped here, for good. NULL: done; else why not.
 */
const char *conform_sea(struct conform *conform, uint64_t gpa, unsigned flags);
const char *conform_poison(struct conform *conform, uint64_t gpa, void *page, size_t size);

#define CONFORM_SEA_FNV  1u /* no address is reported */
#define CONFORM_SEA_INSN 2u /* an instruction fetch, else a load or store */

#endif
