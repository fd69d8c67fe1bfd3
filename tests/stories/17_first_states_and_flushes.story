# A flush is decided once. A first state finds what was so before, so it flushes only what VPP has with a weight.

check web interval=2s rise=2 fall=2
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
backend b3 10.0.0.3 check=web disabled
backend b4 10.0.0.4 check=web disabled
frontend www 192.0.2.1 primary: b1=100 b2=100 b3=100 b4=100

# The file of before said nothing of b4: VPP has it with a weight. Nobody knows that before VPP was read.
vpp www b1=0 b2=100 b3=0 b4=100
start unread
         expect told b3 unknown -> disabled disabled www 0->0
         expect told b4 unknown -> disabled disabled www 0->0
t=1s     read
         expect late www b4
         expect b3 disabled effects=www:0->0
         expect b4 disabled effects=www:100->0:flush

# Found by a probe: b1 was down before the restart, b2 died meanwhile.
t=2s     probe b1 L4CON b2 L4CON
         expect told b1 unknown -> down L4CON www 0->0
         probe b2 L4CON
         expect told b2 unknown -> down L4CON www 100->0 flush

# An operator's disable always flushes, and so does every later verdict.
restart
         expect told b3 unknown -> disabled disabled www 0->0
         expect told b4 unknown -> disabled disabled www 0->0
         expect late www b4
         operator disable b1
         expect told b1 unknown -> disabled disabled by alice www 0->0 flush
         operator enable b1
         expect told b1 disabled -> unknown enabled by alice www 0->0
         probe b1 L4CON
         expect told b1 unknown -> down L4CON www 0->0 flush
