/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of softkvm share: its objects, as KVM has them behind its descriptors. */
#ifndef SOFTKVM_SOFT_H
#define SOFTKVM_SOFT_H

#include <pthread.h>
#include <stdatomic.h>

#include <salvage/except.h>
#include <salvage/mmu.h>
#include <salvage/softkvm.h>

#include "../src/kvm/uapi.h"
#include "cpu.h"

#define SOFT_PAGE_SHIFT 12
#define SOFT_PAGE       (UINT64_C(1) << SOFT_PAGE_SHIFT)
#define SOFT_PAGE_MASK  (~(SOFT_PAGE - 1))
#define SOFT_RUN_SIZE   4096

#define SOFT_FD    0x50000000 /* descriptors begin here, where the system has none */
#define SOFT_FDS   1024
#define SOFT_VCPUS 512
#define SOFT_SLOTS 512
#define SOFT_BELLS 256

enum soft_kind { SOFT_KIND_KVM, SOFT_KIND_VM, SOFT_KIND_VCPU, SOFT_KIND_DEVICE, SOFT_KINDS };

struct soft_object {
	enum soft_kind kind;
	int fd;
	struct sv_soft *soft;
};

struct sv_soft {
	struct sv_soft_config config;
	pthread_mutex_t lock; /* descriptors and failures */
	struct soft_object *_Atomic objects[SOFT_FDS];
	struct {
		sv_soft_hook call;
		void *opaque;
	} hooks[SV_SOFT_POINTS];
	struct sv_soft_failure failures[SV_SOFT_FAILURES];
	_Atomic unsigned failure_count;
	_Atomic uint64_t requests, runs, aborts; /* of what is no vCPU, or is closed */
};

/*
 * A vCPU's lock (lock.c): for the thread that has it, once more and more. KVM_RUN holds it for as long as the
 * guest runs; a register costs little more than taking and leaving it.
 */
struct soft_lock {
	_Atomic uintptr_t owner; /* a thread; 0: nobody */
	unsigned depth;
};

void soft_lock(struct soft_lock *lock);
bool soft_trylock(struct soft_lock *lock);
void soft_unlock(struct soft_lock *lock);

/* What stage 2 has of a page. */
enum { SOFT_MAPPED = 1, SOFT_YOUNG = 2, SOFT_WRITABLE = 4 };

struct soft_slot {
	uint32_t id, flags;
	uint64_t first, pages; /* IPA, and how many */
	uint8_t *host;
	_Atomic uint8_t *state;  /* of each page */
	_Atomic uint64_t *dirty; /* with KVM_MEM_LOG_DIRTY_PAGES: a bit a page */
};

struct soft_bell {
	uint64_t ipa, value;
	uint32_t length;
	bool datamatch;
	int eventfd;
};

struct soft_vcpu;
struct soft_vgic;

struct soft_vm {
	struct soft_object object;
	unsigned references; /* descriptors that are its own, its vCPUs' and its devices'; by soft->lock */
	unsigned ipa_bits;
	_Atomic bool nisv_to_user, sea_to_user;

	/* lock is for all that follows; who changes what stage 2 answers calls soft_memory_changed after it. */
	pthread_rwlock_t lock;
	struct soft_slot *slots[SOFT_SLOTS]; /* by address */
	unsigned slot_count;
	struct sv_soft_poison poison[SV_SOFT_POISONED];
	unsigned poison_count;
	struct soft_bell bells[SOFT_BELLS];
	_Atomic unsigned bell_count;
	struct soft_vgic *vgic;
	struct soft_vcpu *_Atomic vcpus[SOFT_VCPUS];
	_Atomic unsigned vcpu_count;
	_Atomic uint64_t generation;

	pthread_mutex_t psci;  /* mp_state and reset requests of all vCPUs */
	_Atomic unsigned most; /* sv_soft_schedule: instructions a turn, 0: by threads */
	uint64_t random;
};

/* A slot as an abort finds it. */
struct soft_place {
	bool memory, writable;
};

struct soft_vcpu {
	struct soft_object object;
	struct soft_vm *vm;
	unsigned id;
	struct soft_lock lock; /* recursive: hooks make requests too */
	/* Written with the lock held. */
	_Atomic uint64_t requests, runs, aborts;
	struct soft_cpu *cpu;
	struct soft_bus bus;
	struct sv_kvm_run *run;
	bool initialised;
	uint32_t features;
	unsigned except_features, mmu_features;
	_Atomic bool inside; /* soft_cpu_run */
	/* What the CPU was last told that it cannot have: mostly the abort that follows is about that. */
	struct {
		uint64_t ipa, generation;
		struct soft_place place;
	} refused;

	/* The last abort as KVM keeps it (vcpu->arch.fault). */
	struct {
		uint64_t esr, far, ipa; /* ipa: of the page */
		bool ipa_valid;         /* HPFAR_EL2.NS in the kernel's own words */
	} fault;

	bool mmio_needed;
	/* What __kvm_adjust_pc is still to do; at most one of them. */
	bool increment_pc, pending;
	enum sv_vector pending_vector;

	uint32_t debug;    /* KVM_SET_GUEST_DEBUG's control */
	bool step_pending; /* a step was done by emulation and is still to be reported */
	_Atomic uint32_t mp_state;
	/* By vm->psci: PSCI CPU_ON's state for the vCPU to begin with. */
	_Atomic bool reset; /* by psci; without it only to see whether there is one */
	uint64_t reset_pc, reset_x0;
	int wake; /* eventfd: mp_state has changed */

	/* sv_soft_next. */
	uint64_t turn;
};

/*
 * Results as in the kernel: 1: the guest goes on, 0: to user space, negative: to user space with that
 * error.
 */

/* soft.c */
struct soft_object *soft_object(struct sv_soft *soft, int fd, enum soft_kind kind);
int soft_object_add(struct sv_soft *soft, struct soft_object *object, enum soft_kind kind);
/* A count with one writer at a time. */
static inline void soft_count(_Atomic uint64_t *count)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

int soft_hook(struct sv_soft *soft, const struct sv_soft_event *event);
bool soft_has(const struct sv_soft *soft, uint32_t capability);

/* Requests of one kind of object. */
struct soft_request {
	unsigned long request;
	int (*handle)(struct soft_object *object, void *argument);
};
extern const struct soft_request soft_kvm_requests[], soft_vm_requests[], soft_vcpu_requests[],
	soft_device_requests[];

/* vm.c */
void soft_vm_put(struct soft_vm *vm);

/* memslots.c */
int soft_set_memory(struct soft_object *vm, void *region);
int soft_set_memory2(struct soft_object *vm, void *region);
int soft_get_dirty_log(struct soft_object *vm, void *log);
void soft_memory_free(struct soft_vm *vm);
/* After what stage 2 answers has changed, without the lock: until no CPU uses an old answer. */
void soft_memory_changed(struct soft_vm *vm);
/* struct soft_bus. */
bool soft_memory_page(void *vcpu, uint64_t ipa, struct soft_lookup lookup, struct soft_page *page);

struct soft_place soft_memory_find(struct soft_vcpu *vcpu, uint64_t ipa);
/*
 * user_mem_abort: has stage 2 map a page. False: the host cannot have it, and *error says why, with the host's
 * address of it. A slot that has gone meanwhile is no error: the guest faults again.
 */
bool soft_memory_map(struct soft_vm *vm, uint64_t ipa, bool write, struct sv_soft_poison *error, void **host);
/* Has the pages of a range lose bits of their state, and waits until no CPU uses them. */
void soft_memory_lose(struct soft_vm *vm, uint64_t first, uint64_t last, uint8_t bits);
void soft_memory_make_young(struct soft_vm *vm, uint64_t ipa);
/* kvm_read_guest of an aligned descriptor. */
enum sv_status soft_memory_read(struct soft_vm *vm, uint64_t ipa, uint64_t *value);

/* poison.c */
/* With vm->lock held: what is wrong with the page for that access; NULL: nothing. */
struct sv_soft_poison *soft_poison_find(struct soft_vm *vm, uint64_t ipa, bool fetch);
bool soft_poison_here(const struct soft_vm *vm, uint64_t ipa);
/* Takes the lock: whether an error of a table there is stage 2's own. */
bool soft_poison_of_stage2(struct soft_vm *vm, uint64_t ipa);
/* An error that the hardware reported was met: the last one heals the page. *met: what it was. False: none. */
bool soft_poison_met(struct soft_vm *vm, uint64_t ipa, bool fetch, struct sv_soft_poison *met);
void soft_sigbus(struct soft_vcpu *vcpu, int code, void *address, unsigned lsb);

/* vcpu.c */
int soft_create_vcpu(struct soft_object *vm, void *id);
void soft_vcpu_free(struct soft_vcpu *vcpu);
void soft_vcpu_reset(struct soft_vcpu *vcpu);
uint64_t soft_vcpu_reg(const struct soft_vcpu *vcpu, unsigned n); /* Xn, or XZR */
void soft_vcpu_set_reg(struct soft_vcpu *vcpu, unsigned n, uint64_t value);

/* run.c */
int soft_run(struct soft_object *vcpu, void *argument);

/* abort.c */
int soft_handle_abort(struct soft_vcpu *vcpu);

/* sea.c */
int soft_handle_sea(struct soft_vcpu *vcpu);
/* What becomes of a page that the host cannot have. */
int soft_handle_poison(struct soft_vcpu *vcpu, const struct sv_soft_poison *error, void *host, uint64_t ipa);

/* mmio.c */
int soft_io_abort(struct soft_vcpu *vcpu, uint64_t ipa);
void soft_mmio_return(struct soft_vcpu *vcpu);
int soft_ioeventfd(struct soft_object *vm, void *argument);

/* inject.c */
void soft_inject_sea(struct soft_vcpu *vcpu, bool fetch, uint64_t far);
void soft_inject_size_fault(struct soft_vcpu *vcpu);
void soft_inject_exclusive(struct soft_vcpu *vcpu);
void soft_inject_serror(struct soft_vcpu *vcpu, uint64_t iss);
/* Does what is pending: __kvm_adjust_pc. */
void soft_adjust_pc(struct soft_vcpu *vcpu);
/* commit_pending_events: at once, and no MMIO access is to be completed any more. */
void soft_commit_events(struct soft_vcpu *vcpu);
#define SOFT_SERROR_IDS UINT64_C(0x1000000) /* ISS.IDS: nothing is said */

/* at.c */
/* AT S1E1R: the page of an address; false: stage 1 has none. */
bool soft_at_s1e1r(struct soft_vcpu *vcpu, uint64_t va, uint64_t *ipa);
/* On which level the walk for va reads a descriptor in the page at ipa; false: on none. */
bool soft_find_level(struct soft_vcpu *vcpu, uint64_t va, bool fetch, uint64_t ipa, int *level);

/* regs.c, events.c, psci.c, vgic.c */
int soft_get_one_reg(struct soft_object *vcpu, void *argument);
int soft_set_one_reg(struct soft_object *vcpu, void *argument);
int soft_get_reg_list(struct soft_object *vcpu, void *argument);
int soft_get_events(struct soft_object *vcpu, void *argument);
int soft_set_events(struct soft_object *vcpu, void *argument);
int soft_smccc(struct soft_vcpu *vcpu);
int soft_create_device(struct soft_object *vm, void *argument);
void soft_vgic_free(struct soft_vgic *vgic);
bool soft_vgic_initialised(const struct soft_vgic *vgic);
/* True: the access was to a register of it. data is in memory order. */
bool soft_vgic_access(struct soft_vm *vm, uint64_t ipa, unsigned size, bool write, uint8_t *data);

#endif
