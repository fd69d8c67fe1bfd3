# `enabled: false` starts a backend as disabled. On a reload the file's word counts when the file changed it.

check web interval=2s rise=2 fall=3
backend b1 10.0.0.1 check=web disabled
backend b2 10.0.0.2 check=web
frontend www 192.0.2.1 primary: b1=100 b2=100

start
         expect told b1 unknown -> disabled disabled www 0->0
         expect b1 disabled every=never
         probe b2 L4OK
         expect told b2 unknown -> up L4OK www 0->100

# An operator enables it; the file still says what it said, so a reload leaves it.
t=1s     operator enable b1
         expect told b1 disabled -> unknown enabled by alice www 0->0
         probe b1 L4OK
         expect told b1 unknown -> up L4OK www 0->100
t=2s     reload
         expect told nothing
         expect b1 up

# Newly written into the file, it is an order.
backend b2 10.0.0.2 check=web disabled
t=3s     reload
         expect told b2 up -> disabled disabled by alice www 100->0 flush
backend b2 10.0.0.2 check=web
t=4s     reload
         expect told b2 disabled -> unknown enabled by alice www 0->0
