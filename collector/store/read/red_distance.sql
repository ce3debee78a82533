-- How far from the application it is that tells of a request: 9 for what is no request of this kind.
multiIf(proxy = '', 0, proxy = if(kind = 'client', 'sidecar-outbound', 'sidecar-inbound'), 1,
        proxy = if(kind = 'client', 'sidecar-inbound', 'sidecar-outbound'), 9, 2)
