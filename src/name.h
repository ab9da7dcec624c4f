/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of enumerators, for tables that the X lists of the public headers fill. */
#ifndef SRC_NAME_H
#define SRC_NAME_H

#define COUNT(array)       (sizeof(array) / sizeof(*(array)))
#define NAME(names, value) ((unsigned)(value) < COUNT(names) ? (names)[(unsigned)(value)] : "?")

#endif
