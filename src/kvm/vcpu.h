/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SRC_KVM_VCPU_H
#define SRC_KVM_VCPU_H

#include <signal.h>
#include <stddef.h>

#include <salvage/kvm.h>

/* KVM_GET_ONE_REG or KVM_SET_ONE_REG; value is as long as the id says. */
enum sv_status sv_kvm_transfer(struct sv_kvm_vcpu *vcpu, unsigned long request, uint64_t id, void *value);

enum sv_status sv_host_dczid(uint64_t *value);

enum sv_status sv_kvm_read_features(struct sv_kvm_vcpu *vcpu);

/*
 * What sv_exception_enter must know of this vCPU; read once, when the first exception is entered by
 * registers.
 */
enum sv_status sv_kvm_except_features(struct sv_kvm_vcpu *vcpu, unsigned *features);

/*
 * In the signal handler: whether the signal is a memory error that sv_kvm_error or sv_kvm_warning will tell.
 * *shared: others may want to hear of it too. Async-signal-safe, lock-free; changes no errno.
 */
bool sv_kvm_note(const siginfo_t *info, bool *shared);

/* The guest's address of a host address; false: it is in no memslot. Async-signal-safe. */
bool sv_kvm_gpa_of(const struct sv_space *space, uintptr_t host, uint64_t *gpa);

/*
 * Copies 1, 2, 4 or 8 bytes, single-copy atomically where aligned; SV_FAULT where the memory behind either
 * address cannot be had (poison, a truncated file), if sv_kvm_guard was called; without it the process
 * takes the signal.
 */
enum sv_status sv_kvm_guarded_load(const void *host, unsigned size, void *data);
enum sv_status sv_kvm_guarded_store(void *host, unsigned size, const void *data);

#endif
