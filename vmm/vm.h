/* SPDX-License-Identifier: BSD-2-Clause */
/* The VM, and what its parts share. */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>

#include <salvage/kvm.h>

#include "devices.h"
#include "diagnosis.h"
#include "error.h"
#include "events.h"
#include "kernel.h"
#include "loader.h"
#include "notices.h"
#include "sea.h"

struct vmm_config {
	const char *guest;        /* file */
	const char *initrd, *dtb; /* files, or NULL */
	const char *symbols;      /* ELF file with the guest's symbols, or NULL: the guest, if it has some */
	const char *append;       /* kernel command line, or NULL */
	uint64_t memory;          /* bytes of RAM */
	unsigned vcpus;           /* 1..VMM_VCPUS_MAX */
	unsigned timeout;         /* seconds, 0: none */
	bool aarch32;             /* the guest starts in AArch32 state */
	bool salvage;             /* opt into the capabilities */
	bool verbose;             /* tell people of completed aborts too */
	bool no_mmio_events;      /* device accesses are no events */
	struct sv_policy policy;
	const struct vmm_sea *sea; /* sea_count pages that are to be bad, all in RAM (vmm_sea_check) */
	size_t sea_count;
	struct vmm_events *events; /* never NULL */
	/*
	 * Memory errors: the VM's name in records (NULL: "guest"), and the journal's file or NULL for none.
	 */
	const char *name, *journal;
	/*
	 * Called, if set, on a thread that is no vCPU's when the journal has something new, and once after it
	 * was closed.
	 */
	void (*absorb)(void *opaque);
	void *absorb_opaque;
	const struct vmm_kernel *kernel;
	int input, output; /* the console's file descriptors; input may be -1 */
};

/* Reasons in exit events. */
#define VMM_REASON_GUEST    "guest"
#define VMM_REASON_OFF      "off"
#define VMM_REASON_RESET    "reset"
#define VMM_REASON_CRASH    "crash"
#define VMM_REASON_STOP     "stop"
#define VMM_REASON_RESTART  "restart"
#define VMM_REASON_KERNEL   "kernel"
#define VMM_REASON_INTERNAL "internal"
#define VMM_REASON_TIMEOUT  "timeout"
#define VMM_REASON_SIGNAL   "signal"
#define VMM_REASON_USER     "user"

struct vmm_console {
	int input, output;
	int wake;    /* eventfd: the run ended, or the PL011 has room */
	int signals; /* signalfd */
	sigset_t mask_before;
	void (*pipe_before)(int signal);
	bool input_over;
	bool raw;    /* the terminal's settings are in before */
	bool escape; /* Ctrl-A was typed */
	struct termios before;
	uint8_t pending[VMM_PL011_FIFO]; /* read and not yet taken by the PL011 */
	size_t pending_count;
};

struct vmm_vcpu {
	struct vmm_vm *vm;
	unsigned index;
	int fd;
	struct sv_kvm_run *run;
	uint64_t mpidr;
	struct sv_kvm_vcpu salvage;
	struct vmm_diagnosis diagnosis;
	pthread_t thread;
	bool started;
	bool runs; /* by pause.lock: its thread may be anywhere, KVM_RUN included */
};

struct vmm_pause {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* owner, or runs of a vCPU */
	struct vmm_vcpu *owner; /* for whom all others stand still, or will */
};

struct vmm_vm {
	const struct vmm_config *config;
	const struct vmm_kernel *kernel;
	int kvm_fd, vm_fd, gic_fd;
	size_t run_size;
	unsigned capabilities; /* enum sv_kvm_capability; without --no-salvage */
	bool inject;           /* KVM_CAP_ARM_INJECT_EXT_DABT is there */
	uint32_t features;     /* of KVM_ARM_VCPU_INIT, for vCPUs in AArch64 state */
	uint8_t *ram;
	struct vmm_guest guest;
	struct vmm_tree tree;        /* as the guest got it; fdt is NULL before */
	struct vmm_symbols *symbols; /* or NULL */
	struct vmm_notices notices;

	struct sv_space space;
	struct sv_region regions[VMM_PARTS + 1];
	struct vmm_bus bus;
	struct vmm_pl011 uart;
	struct vmm_recorder recorder, register_file;
	struct vmm_exit_register exit_register;

	/* Memory errors; NULL without salvage. */
	struct sv_ras *ras;
	struct sv_poison *poison;
	pthread_t keeper;
	pthread_cond_t keeper_wake; /* with end_lock */
	bool keeping, keeper_ends;
	uint64_t kept_errors;

	struct vmm_vcpu *vcpus;
	unsigned vcpu_count;
	struct vmm_pause pause;

	struct sv_kvm_vgic vgic;
	uint64_t redistributors[VMM_VCPUS_MAX]; /* whose they are: MPIDR_EL1 */

	/* The end of the run: whoever comes first decides, and wakes the console loop. */
	pthread_mutex_t end_lock;
	atomic_bool ended;
	int status; /* what the process returns; a guest's own status is not clamped yet */
	const char *reason;
	struct vmm_error error;
	struct vmm_console console;
};

/*
 * Runs a guest from start to end. The exit status; if *error has a text, it is to be printed. Not reentrant:
 * it owns the process's signals.
 */
int vmm_run(const struct vmm_config *config, struct vmm_error *error);

/* For any thread. reason is static, for the exit event. Only the first call counts. */
void vmm_end(struct vmm_vm *vm, int status, const char *reason);
void vmm_end_error(struct vmm_vm *vm, const struct vmm_error *error, const char *reason);

/* vm.c */
bool vmm_vm_create(struct vmm_vm *vm, struct vmm_error *error);
void vmm_vm_destroy(struct vmm_vm *vm);

/* gic.c: before the vCPUs, and after all of them. */
bool vmm_gic_create(struct vmm_vm *vm, struct vmm_error *error);
bool vmm_gic_init(struct vmm_vm *vm, struct vmm_error *error);
void vmm_gic_line(struct vmm_vm *vm, unsigned spi, bool level);
/* Makes an access to a register for salvage, with the VM paused. False: the kernel refused. */
bool vmm_gic_access(struct vmm_vcpu *vcpu, struct sv_access *access);

/* vcpu.c */
bool vmm_vcpu_create(struct vmm_vcpu *vcpu, struct vmm_vm *vm, unsigned index, struct vmm_error *error);
bool vmm_vcpu_reset(struct vmm_vcpu *vcpu, struct vmm_error *error);
bool vmm_vcpu_start(struct vmm_vcpu *vcpu, struct vmm_error *error);
/* After the end of the run: gets the thread out of KVM_RUN and joins it. */
void vmm_vcpu_stop(struct vmm_vcpu *vcpu);
/* Gets a started vCPU out of KVM_RUN and of blocking output, if it is there; and when to do so again. */
void vmm_vcpu_kick(struct vmm_vcpu *vcpu);
void vmm_vcpu_kick_again(struct timespec *until);
void vmm_vcpu_destroy(struct vmm_vcpu *vcpu);

/*
 * pause.c. A vCPU's thread enters before its first KVM_RUN, comes to the point before each, and leaves after
 * the last. begin returns when no other vCPU runs nor will before end.
 */
void vmm_pause_init(struct vmm_vm *vm);
void vmm_pause_enter(struct vmm_vcpu *vcpu);
void vmm_pause_point(struct vmm_vcpu *vcpu);
void vmm_pause_leave(struct vmm_vcpu *vcpu);
void vmm_pause_begin(struct vmm_vcpu *vcpu);
void vmm_pause_end(struct vmm_vcpu *vcpu);

/* exits.c: handles one exit. */
void vmm_exit_handle(struct vmm_vcpu *vcpu);
void vmm_exit_failed(struct vmm_vcpu *vcpu, int error);
/* Ends the run as the session's report says; without is what would have ended it without salvage. */
void vmm_stopped(struct vmm_vcpu *vcpu, const char *without);

/*
 * memory-errors.c: open before the VM is made, start before its vCPUs run, close when they are stopped. An
 * exit (rc is KVM_RUN's result) is asked for memory errors first; true: it was nothing but that.
 */
bool vmm_memory_errors_open(struct vmm_vm *vm, struct vmm_error *error);
bool vmm_memory_errors_start(struct vmm_vm *vm, struct vmm_error *error);
void vmm_memory_errors_close(struct vmm_vm *vm);
bool vmm_memory_errors(struct vmm_vcpu *vcpu, int rc);

/* dump.c: the registers; what stage 1 makes of an address. No content of RAM but tables. */
void vmm_dump(struct vmm_vcpu *vcpu, FILE *out);
void vmm_dump_address(struct vmm_vcpu *vcpu, uint64_t va, FILE *out);

/*
 * console.c: the terminal, the timeout and the signals, until the run ends. wake makes the loop look again;
 * put writes a character.
 */
bool vmm_console_open(struct vmm_console *console, int input, int output, struct vmm_error *error);
void vmm_console_loop(struct vmm_vm *vm);
void vmm_console_wake(struct vmm_vm *vm);
void vmm_console_put(struct vmm_vm *vm, uint8_t character);
void vmm_console_close(struct vmm_console *console);

#endif
