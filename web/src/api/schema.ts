// Generated from the server by `make web-api`; do not edit.

export type * from './air';
export type * from './rain';
export type * from './fires';
export type * from './trackers';
