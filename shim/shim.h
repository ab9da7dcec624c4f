/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The preload library behind "salvage wrap": what its files share. It sits between a VMM and the system calls
 * that concern KVM, knows the VM's memslots, doorbells and devices, keeps to itself the exits that are
 * salvage's, and shows the VMM plain KVM_EXIT_MMIO in their place (docs/wrap.md).
 *
 * Threads: vm.lock for everything of a VM that requests change; a vCPU's state belongs to the thread that has
 * called KVM_RUN on it. What vCPUs read of the VM is a snapshot, replaced as a whole (space.c).
 */
#ifndef SHIM_H
#define SHIM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <salvage/kvm.h>
#include <salvage/ras.h>

#include "../src/kvm/uapi.h"
#include "channel.h"

#define SHIM_SLOTS     1024
#define SHIM_DOORBELLS 1024
#define SHIM_ZONES     64
#define SHIM_REGIONS   (SHIM_SLOTS / 2 + SHIM_WINDOWS + SHIM_ZONES + SHIM_RULES)
#define SHIM_DIRTY     1024
#define SHIM_FDS       65536 /* no larger descriptors are followed */

/*
 * The system calls beneath, as the next library has them: this one is not alone in preloading. NULL until
 * shim_system_init. Each returns what the C library returns, with errno.
 */
struct shim_system {
	int (*ioctl)(int fd, unsigned long request, ...);
	void *(*mmap)(void *address, size_t length, int protection, int flags, int fd, long offset);
	int (*close)(int fd);
	int (*close_range)(unsigned first, unsigned last, int flags); /* or NULL, before glibc 2.34 */
	void (*closefrom)(int first);                                 /* likewise */
	int (*dup)(int fd);
	int (*dup3)(int from, int to, int flags);
	int (*fcntl)(int fd, int command, ...);
	int (*sigaction)(int number, const struct sigaction *action, struct sigaction *old);
	void (*exit)(int status); /* _exit */
	int (*fstat)(int fd, struct stat *status);
};

extern struct shim_system shim_system;
void shim_system_init(void);

/* What the vCPUs of a VM go by: never changed once it is there. */
struct shim_space {
	atomic_uint pins;
	struct shim_space *next; /* of those that are free */
	struct sv_space space;
	struct sv_region regions[SHIM_REGIONS];
	struct sv_doorbell doorbells[SHIM_DOORBELLS]; /* opaque is the eventfd, as a number */
	size_t doorbell_count;
	bool cut; /* the VM has more than there is room for */
};

struct shim_doorbell {
	struct sv_doorbell doorbell;
	int fd;    /* -1: there is no way to it any more */
	bool ours; /* the VMM has closed it */
};

struct shim_slot {
	struct sv_kvm_userspace_memory_region region;
	bool all_dirty; /* by dirty_lock: salvage wrote to more pages than are kept one by one */
};

struct shim_vcpu;

struct shim_vm {
	struct shim_vm *next;
	unsigned number;     /* from 0 */
	unsigned references; /* descriptors of it and of its vCPUs; by the lock of objects.c */
	int fd;
	unsigned capabilities;       /* enum sv_kvm_capability that the shim turned on */
	bool own_nisv, own_sea;      /* the VMM itself asked for those exits */
	bool guest_memfd, protected; /* refused by name */

	pthread_mutex_t lock;
	struct shim_slot slots[SHIM_SLOTS]; /* changed with dirty_lock held as well */
	size_t slot_count;
	struct shim_doorbell doorbells[SHIM_DOORBELLS];
	size_t doorbell_count;
	struct sv_range zones[SHIM_ZONES]; /* of coalesced MMIO */
	size_t zone_count;
	struct shim_window windows[SHIM_WINDOWS];
	size_t window_count;
	int gic_fd; /* the vGIC inside the kernel, or -1 */
	_Atomic(struct shim_space *) space;
	struct shim_space *spare;
	struct shim_vcpu *vcpus;
	unsigned vcpu_count;

	bool tree_known; /* by the lock of tree.c */
	/* Pages that salvage wrote on a guest's behalf and KVM_GET_DIRTY_LOG has not shown yet. */
	pthread_mutex_t dirty_lock;
	uint64_t dirty[SHIM_DIRTY]; /* page numbers, the host's pages */
	size_t dirty_count;

	struct sv_ras *ras;
	struct sv_poison *poison;
	atomic_uint warned; /* sv_kvm_warned() when warnings were last looked at */
};

enum shim_state {
	SHIM_FRESH, /* not looked at since KVM_ARM_VCPU_INIT */
	SHIM_IDLE,
	SHIM_OUT, /* an access of an instruction is with the VMM */
};

struct shim_vcpu {
	struct shim_vcpu *next;
	struct shim_vm *vm;
	int fd;
	uint32_t index;
	uint32_t features;
	atomic_bool initialised;
	_Atomic(struct sv_kvm_run *) run; /* NULL until the VMM maps it */
	enum shim_state state;
	bool readable; /* sv_kvm_vcpu_init succeeded */
	struct sv_kvm_vcpu kvm;
	bool host_steps;
	atomic_bool reset;   /* KVM_ARM_VCPU_INIT came */
	atomic_bool dropped; /* an abort came that the VMM injects */
	atomic_bool touched; /* a core register was written */
	atomic_bool running; /* a thread is in shim_run with it: it must stay */
	atomic_bool inside;  /* may touch what the current space points to */
	struct shim_space *pinned;
	uint32_t reason; /* of the exit that began the session */
	uint8_t part;    /* of an access of 64 bytes: how much is done */
};

/* Tells the helper that the process ends, and lets it finish. */
void shim_end(int status);

/* shim.c: the process. NULL: this one is not wrapped, and everything passes through. */
extern struct shim_channel *shim_channel;
extern struct sv_policy shim_policy;
extern const struct sv_kvm_backend shim_backend;

/* Something that vCPU threads have to see to comes before the next KVM_RUN: early warnings of bad memory. */
void shim_warnings(struct shim_vm *vm);

/* objects.c: what a descriptor is. */
struct shim_object {
	enum { SHIM_NOTHING, SHIM_OBJECT_VM, SHIM_OBJECT_VCPU, SHIM_OBJECT_DEVICE } kind;
	struct shim_vm *vm;
	struct shim_vcpu *vcpu;
};

bool shim_object(int fd, struct shim_object *object);
struct shim_vcpu *shim_vcpu_of(int fd);
struct shim_vm *shim_vm_new(int fd);
struct shim_vcpu *shim_vcpu_new(struct shim_vm *vm, int fd, uint32_t index);
void shim_device_new(struct shim_vm *vm, int fd);
/* After a dup, and before a close. */
void shim_object_alias(int from, int to);
void shim_object_close(int fd);
/* Every VM at once: a child of fork(2) has none that it could use. */
void shim_objects_forget(void);
/* Whether it is an eventfd of a doorbell, which then becomes ours: the VMM's close is not to happen. */
bool shim_objects_keep(int fd);
/* Something else is that descriptor now. */
void shim_objects_lose(int fd);
/* Before a close_range(2) of all from first to last. */
void shim_objects_close_range(unsigned first, unsigned last);

/* requests.c: a KVM request other than KVM_RUN; returns as ioctl does. */
int shim_request(int fd, unsigned long request, void *argument);

/* space.c: all by vm.lock. */
bool shim_space_room(struct shim_vm *vm, unsigned snapshots);
void shim_space_free(struct shim_vm *vm);
/* A new snapshot; returns when no vCPU uses what is only in the old one. self is the caller's own, or NULL. */
void shim_space_publish(struct shim_vm *vm, struct shim_vcpu *self);
/* By a vCPU: may touch guest memory between these two. */
const struct shim_space *shim_space_enter(struct shim_vcpu *vcpu);
void shim_space_leave(struct shim_vcpu *vcpu);
/* A session keeps the snapshot that it began with. */
void shim_space_pin(struct shim_vcpu *vcpu, const struct shim_space *space);
void shim_space_unpin(struct shim_vcpu *vcpu);

/* slots.c, doorbells.c: after the kernel has accepted the request. */
void shim_slot_set(struct shim_vm *vm, const struct sv_kvm_userspace_memory_region *region);
struct shim_slot *shim_slot_find(struct shim_vm *vm, uint32_t id);
struct sv_kvm_ioeventfd;
void shim_doorbell_set(struct shim_vm *vm, const struct sv_kvm_ioeventfd *ioeventfd);
/* Whether no doorbell from that one on has the descriptor. */
bool shim_doorbell_unused(const struct shim_vm *vm, int fd, size_t from);
/* Rings what the access rings; true: it is done with. */
bool shim_doorbell_ring(struct shim_vcpu *vcpu, const struct sv_access *access);

/* tree.c: the guest's device tree, before a vCPU runs for the first time. */
void shim_tree_look(struct shim_vcpu *vcpu);
/* A child of fork(2): nobody is looking. */
void shim_tree_forget(void);

/* dirty.c */
void shim_dirty_add(void *vcpu, uint64_t ipa, unsigned size);
/* Adds what KVM_GET_DIRTY_LOG of a slot has not shown; bitmap is the kernel's answer. */
void shim_dirty_show(struct shim_vm *vm, struct shim_slot *slot, uint64_t *bitmap);

/* run.c: KVM_RUN; returns as ioctl does. */
int shim_run(struct shim_vcpu *vcpu, int fd, void *argument);
/* Ends a call of KVM_RUN as the policy said: what it returns. */
int shim_stop(struct shim_vcpu *vcpu, int rc, int error);

/* errors.c: memory errors. What becomes of the exit. */
enum shim_after { SHIM_ORDINARY, SHIM_AGAIN, SHIM_RETURN };
enum shim_after shim_errors(struct shim_vcpu *vcpu, int *rc);

/* report.c */
void shim_report_abort(struct shim_vcpu *vcpu);
void shim_report_error(struct shim_vm *vm, struct shim_vcpu *vcpu, const struct sv_memory_error *error,
		       const struct sv_ras_answer *answer);
void shim_notice(struct shim_vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
